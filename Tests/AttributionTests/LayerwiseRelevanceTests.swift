import Attribution
import Graphs
import Operators
import Tensors
import Testing

@Suite struct LayerwiseRelevanceTests {
  /// Sundararajan et al., 2017, figure 7. Where biases count they take their share, so that the epsilon
  /// rule is input times gradient for both; where they are ignored, it is what the figure says.
  @Test func equalFunctionsAreToldApartWithoutBiases() throws {
    for functions in [try EqualFunctions.f(), try EqualFunctions.g()] {
      let map = try functions.network.map("lrp:rule=epsilon", of: functions.score, at: [3, 1])
      #expect(isClose(map, [3, -1], within: 1e-8))
    }
    let (f, g) = try (EqualFunctions.f(), EqualFunctions.g())
    let item = "lrp:rule=epsilon:bias=ignored"
    let first = try f.network.map(item, of: f.score, at: [3, 1])
    #expect(isClose(first, [1.5, -0.5], within: 1e-8))
    #expect(abs(first.completenessError) < 1e-8)
    #expect(isClose(try g.network.map(item, of: g.score, at: [3, 1]), [2, -1], within: 1e-8))
  }

  /// Contributions 2, -3, 4 and a bias of 1 to the score 4, inputs of both signs. By hand:
  /// epsilon: R = contribution × 4 / 4.5; z-plus: 2 and 4 of 7; gamma = 1: 4, -3 and 8 of 4 - 3 + 8 + 2.
  @Test(arguments: Self.shares)
  func aLayerSharesByItsRule(item: String, expected: [Double]) throws {
    var network = RuleNetwork([3])
    let score = network.node(
      Gemm(), network.x, network.constant(Self.weights, [3, 1]), network.constant([1], [1]))
    let map = try network.map(item, of: score, at: Self.point)
    #expect(map.score == 4)
    #expect(isClose(map, expected, within: 1e-8))
  }

  private static let shares: [(String, [Double])] = [
    ("lrp:rule=epsilon:epsilon=0.5", [8 / 4.5, -12 / 4.5, 16 / 4.5]),
    ("lrp:rule=z-plus", [8.0 / 7, 0, 16.0 / 7]),
    ("lrp:rule=gamma:gamma=1", [16.0 / 11, -12.0 / 11, 32.0 / 11]),
    ("lrp:rule=gamma:gamma=0", [2, -3, 4]),
    ("lrp:rule=epsilon:bias=ignored", [8.0 / 3, -4, 16.0 / 3]),
    ("lrp:rule=z-plus:bias=ignored", [8.0 / 6, 0, 16.0 / 6]),
    ("lrp:rule=epsilon-plus", [2, -3, 4]),
    ("lrp:rule=epsilon-gamma-box:low=-3:high=2", boxed),
  ]

  private static let point = [1.0, 1.5, -2]
  private static let weights = [2.0, -2, -2]

  /// The definition, element by element, for bounds -3 and 2.
  private static let boxed: [Double] = {
    let terms = zip(point, weights).map { (a: Double, w: Double) -> Double in
      a * w + 3 * max(w, 0) - 2 * min(w, 0)
    }
    let sum = terms.reduce(0, +)
    return terms.map { $0 / sum * 4 }
  }()

  /// The layer behind a factor and a turn of the sign reads -x / 2, between -1 and 1.5.
  @Test func boundsReachTheFirstLayer() throws {
    var network = RuleNetwork([3])
    let scaled = network.node(Mul(), network.x, network.constant([-0.5], []))
    let score = network.node(MatMul(), scaled, network.constant([-4, 4, 4], [3, 1]))
    let map = try network.map(
      "lrp:rule=epsilon-gamma-box:low=-3:high=2", of: score, at: Self.point)
    let terms = zip(Self.point, Self.weights).map { (a: Double, w: Double) -> Double in
      a * w + max(-2 * w, 0) - 1.5 * min(-2 * w, 0)
    }
    let sum = terms.reduce(0, +)
    #expect(isClose(map, terms.map { $0 / sum * map.score }, within: 1e-8))
  }

  /// y = r(x) + x, with r(x) read twice: relevance of x comes over three edges.
  @Test func relevanceOfReusedValuesAddsUp() throws {
    var network = RuleNetwork([2])
    let once = network.node(Relu(), network.x)
    let twice = network.node(Relu(), once)
    let sum = network.node(Add(), twice, once)
    let all = network.node(Add(), sum, network.x)
    let score = network.node(MatMul(), all, network.constant([1, 2], [2, 1]))
    let map = try network.map("lrp", of: score, at: [2, -1])
    #expect(isClose(map, [6, -2], within: 1e-7))
    #expect(abs(map.completenessError) < 1e-7)
  }

  @Test func maximaTakeAll() throws {
    var network = RuleNetwork([1, 4])
    let pooled = try network.node(
      "MaxPool", ["kernel_shape": .ints([2]), "strides": .ints([2])], network.x)
    let score = network.node(MatMul(), pooled, network.constant([1, -1], [2, 1]))
    let map = try network.map("lrp", of: score, at: [3, 1, 0, 2])
    #expect(isClose(map, [3, 0, 0, -2], within: 1e-8))
  }

  @Test func whatHasNoRuleIsRefusedByName() throws {
    var network = RuleNetwork([2])
    let product = network.node(Mul(), network.x, network.x, name: "square")
    let error = #expect(throws: ModelError.self) {
      try network.map("lrp", of: product, at: [1, 2])
    }
    #expect(error?.description.contains("'square' (Mul") ?? false)
    #expect(error?.description.contains("use ig") ?? false)
    let square = network.node(Sigmoid(), network.x)
    let box = #expect(throws: ModelError.self) {
      try network.map("lrp:rule=epsilon-gamma-box:low=0:high=1", of: square, at: [1, 2])
    }
    #expect(box?.description.contains("rule=epsilon-plus") ?? false)
    let score = network.node(MatMul(), network.x, network.constant([1, 1], [2, 1]))
    let bounds = #expect(throws: ModelError.self) {
      try network.map(
        "lrp:rule=epsilon-gamma-box:low=0/0/0:high=1/1/1", of: score, at: [1, 2])
    }
    #expect(bounds?.description.contains("one for each channel") ?? false)
  }
}
