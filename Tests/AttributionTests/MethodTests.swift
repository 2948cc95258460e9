import Attribution
import Graphs
import Testing

/// Items of the command line that name methods.
@Suite struct MethodTests {
  @Test(arguments: [
    ("ig", "ig:128"), ("ig:64", "ig:64"), ("ig:8:quadrature=midpoint", "ig:8:quadrature=midpoint"),
    ("ig:8:power=3", "ig:8:quadrature=warped:power=3.0"),
    ("expected-gradients", "expected-gradients:1"),
    ("xg", "xg"), ("random", "random"), ("ig:tolerance=0.05", "ig:tolerance=0.05"),
    ("ig:quadrature=exact", "ig:quadrature=exact"), ("deeplift", "deeplift"),
    ("lrp", "lrp:rule=epsilon:epsilon=1e-09"),
    ("lrp:rule=gamma:epsilon=0.01", "lrp:rule=gamma:epsilon=0.01:gamma=0.25"),
    (
      "lrp:rule=epsilon-gamma-box:low=-1/-2:high=1/2.5:bias=ignored",
      "lrp:rule=epsilon-gamma-box:epsilon=1e-09:gamma=0.25:low=-1.0/-2.0:high=1.0/2.5:bias=ignored"
    ),
  ])
  func methodsHaveOneName(text: String, name: String) throws {
    let method = try Method(text)
    #expect(method.description == name)
    #expect(try Method(name).description == name)
  }

  @Test(arguments: [
    "", "foo", "ig:0", "ig:-1", "ig:8:16", "ig:8:steps=4", "xg:3", "ig:quadrature=left:power=2",
    "ig:quadrature=foo", "ig:power=0.5", "ig:", "gradient:quadrature=left", "ig:8:tolerance=0.1",
    "ig:tolerance=2", "ig:tolerance=x",
    "ig:8:quadrature=exact", "gradeint", "deeplift:3", "guided-backprop:x=1", "deconvnet:2",
    "lrp:rule=foo", "lrp:gamma=1",
    "lrp:rule=epsilon-gamma-box", "lrp:rule=epsilon-gamma-box:low=1:high=1", "lrp:low=0",
    "lrp:rule=epsilon-gamma-box:low=0/x:high=1/1", "lrp:epsilon=0", "lrp:bias=none",
  ])
  func methodsThatAreNone(text: String) {
    let error = #expect(throws: ModelError.self) {
      try Method(text)
    }
    #expect(error?.kind == .usage)
  }
}
