import Attribution
import Foundation
import Graphs
import Operators
import Tensors
import Testing

@Suite struct DeepLiftTests {
  /// Sundararajan et al., 2017, figure 7: equal functions that DeepLIFT tells apart.
  @Test func equalFunctionsAreAttributedByTheirParts() throws {
    let (f, g) = try (EqualFunctions.f(), EqualFunctions.g())
    let first = try f.network.map("deeplift", of: f.score, at: [3, 1])
    #expect(isClose(first, [1.5, -0.5]))
    #expect(first.score == 1 && first.baselineScore == 0)
    #expect(abs(first.completenessError) < 1e-14)
    #expect(isClose(try g.network.map("deeplift", of: g.score, at: [3, 1]), [2, -1]))
  }

  /// One Relu after another, of a value that something else reads too:
  /// y = r(r(2x)) + r(2x) - x, r(2x) being one value read twice.
  @Test(arguments: [2.0, -3])
  func aRectifierMayBeReused(x: Double) throws {
    var network = RuleNetwork([1])
    let two = network.constant([2], [])
    let doubled = network.node(Mul(), network.x, two)
    let once = network.node(Relu(), doubled)
    let twice = network.node(Relu(), once)
    let sum = network.node(Add(), twice, once)
    let score = network.node(Sub(), sum, network.x)
    let map = try network.map("deeplift", of: score, at: [x], from: [-1])
    #expect(abs(map.completenessError) < 1e-14)
    #expect(map.passes == Passes(forward: 2, backward: 1))
  }

  /// Where a Relu has the same input at both points, its multiplier is its derivative; the difference
  /// of what it is applied to beside is shared by the ratio.
  @Test func equalInputsTakeTheGradient() throws {
    var network = RuleNetwork([2])
    let activated = network.node(Sigmoid(), network.x)
    let weights = network.constant([1, 1], [2, 1])
    let score = network.node(MatMul(), activated, weights)
    let map = try network.map("deeplift", of: score, at: [0, 2], from: [0, -1])
    let difference = 1 / (1 + exp(-2.0)) - 1 / (1 + exp(1.0))
    #expect(isClose(map, [0, difference]))
  }

  /// Windows of two over three places, y = (5, 5) from (4, 2): the largest is the middle one at the point,
  /// so it takes all that both windows gain, and turned around all that both lose.
  @Test func anElementThatSeveralWindowsChooseTakesTheSum() throws {
    var network = RuleNetwork([1, 3])
    let pooled = try network.node("MaxPool", ["kernel_shape": .ints([2])], network.x)
    let weights = network.constant([1, 1], [2, 1])
    let score = network.node(MatMul(), pooled, weights)
    let map = try network.map("deeplift", of: score, at: [1, 5, 0], from: [4, 2, 2])
    #expect(isClose(map, [0, 4, 0]))
    let lost = try network.map("deeplift", of: score, at: [4, 2, 2], from: [1, 5, 0])
    #expect(isClose(lost, [0, -4, 0]))
  }

  @Test func theMeanOverBaselinesAddsUpToTheMeanDifference() throws {
    let f = try EqualFunctions.f()
    let function = try f.network.function(f.score)
    let point = Tensor([3.0, 1], shape: [1, 2])
    let baselines = [Tensor([0.0, 0], shape: [1, 2]), Tensor([2.0, -1], shape: [1, 2])]
    let problem = Problem(function, at: point, baseline: baselines[0], target: 0)
    let map = try Method("deeplift").maps(of: problem, from: baselines).maps[0].map
    // From (2, -1), f = 1: both Relus of x1 open, that of x2 between -1 and 0 shut: x1 gets 1, x2 -1.
    #expect(isClose(map, [(1.5 + 1) / 2, (-0.5 - 1) / 2]))
    #expect(map.baselines.map(\.baselineScore) == [0, 1])
  }

  @Test func whatHasNoRuleIsRefusedByName() throws {
    var network = RuleNetwork([2])
    let gate = network.node(Sigmoid(), network.x)
    let product = network.node(Mul(), network.x, gate, name: "swish")
    let error = #expect(throws: ModelError.self) {
      try network.map("deeplift", of: product, at: [1, 2])
    }
    #expect(error?.description.contains("'swish' (Mul") ?? false)
    #expect(error?.description.contains("use ig") ?? false)
    let softened = try network.node("Softmax", [:], network.x)
    let scaled = network.node(Mul(), softened, network.constant([2], []))
    let refusal = #expect(throws: ModelError.self) {
      try network.map("deeplift", of: scaled, at: [1, 2])
    }
    #expect(refusal?.description.contains("Softmax") ?? false)
  }
}
