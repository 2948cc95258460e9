import Attribution
import Graphs
import Testing

/// Items of the command line that name methods.
@Suite struct MethodTests {
  @Test(arguments: [
    ("ig", "ig:128"), ("ig:64", "ig:64"), ("ig:8:quadrature=midpoint", "ig:8:quadrature=midpoint"),
    ("ig:8:power=3", "ig:8:quadrature=warped:power=3.0"),
    ("ig:8:power=2", "ig:8:quadrature=warped:power=2.0"),
    ("ig:8:quadrature=warped", "ig:8:quadrature=warped"),
    ("ig:quadrature=warped", "ig:128:quadrature=warped"),
    ("expected-gradients", "expected-gradients:64"),
    ("xg", "xg"), ("random", "random"), ("ig:tolerance=0.05", "ig:tolerance=0.05"),
    ("ig:quadrature=exact", "ig:quadrature=exact"),
    ("smoothgrad", "smoothgrad:50:sigma=0.15"), ("vargrad:8", "vargrad:8:sigma=0.15"),
    ("smoothgrad-squared:sigma=0.2", "smoothgrad-squared:50:sigma=0.2"),
    (
      "smoothgrad:8:of=ig:16:quadrature=left",
      "smoothgrad:8:sigma=0.15:of=ig:16:quadrature=left"
    ),
    ("occlusion", "occlusion"), ("occlusion:patch=4", "occlusion:patch=4"),
    ("occlusion:stride=2:patch=4", "occlusion:patch=4:stride=2"), ("fullgrad", "fullgrad"),
    ("grad-cam", "grad-cam"), ("guided-grad-cam:layer=a", "guided-grad-cam:layer=a"),
    ("grad-cam:layer=a:b", "grad-cam:layer=a:b"),
    ("conductance:layer=a:b=c", "conductance:128:layer=a:b=c"),
    ("conductance:8:layer=a", "conductance:8:layer=a"), ("blur-ig", "blur-ig:100"),
    ("blur-ig:20:sigma=8", "blur-ig:20:sigma=8.0"), ("guided-ig", "guided-ig:200"),
    ("blur-ig:quadrature=left", "blur-ig:100:quadrature=left"),
    ("guided-ig:quadrature=trapezoid", "guided-ig:200:quadrature=trapezoid"),
    ("conductance:quadrature=secant:layer=a", "conductance:128:quadrature=secant:layer=a"),
    (
      "smoothgrad:3:of=lrp:rule=gamma",
      "smoothgrad:3:sigma=0.15:of=lrp:rule=gamma"
    ),
    ("guided-ig:fraction=0.1:distance=0.5", "guided-ig:200:fraction=0.1:distance=0.5"),
    ("deeplift", "deeplift"),
    ("lrp", "lrp"),
    ("lrp:rule=gamma:epsilon=0.01", "lrp:rule=gamma:epsilon=0.01"),
    (
      "lrp:rule=epsilon-gamma-box:low=-1/-2:high=1/2.5:bias=ignored",
      "lrp:rule=epsilon-gamma-box:low=-1.0/-2.0:high=1.0/2.5:bias=ignored"
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
    "ig:8:quadrature=exact", "gradeint", "vargrad:1", "smoothgrad:sigma=-1", "smoothgrad:of=foo",
    "smoothgrad:of=vargrad", "smoothgrad:of=auto", "smoothgrad:of=conductance:layer=a",
    "occlusion:8", "occlusion:patch=0", "occlusion:patch=2:stride=3", "fullgrad:3",
    "grad-cam:3", "conductance", "conductance:0:layer=a", "blur-ig:sigma=0", "guided-ig:fraction=0",
    "guided-ig:fraction=2", "guided-ig:distance=-1",
    "guided-ig:quadrature=midpoint", "blur-ig:quadrature=automatic",
    "deeplift:3", "guided-backprop:x=1", "deconvnet:2",
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
