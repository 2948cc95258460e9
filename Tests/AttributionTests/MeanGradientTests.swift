import Attribution
import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// Integrated Gradients from mean gradients of the pieces of a path.
@Suite struct MeanGradientTests {
  /// f(x, y) = relu(x + y - 1), from (0, 0) to (1, 1): open for half of the way, where both
  /// gradients are 1.
  @Test(arguments: [1, 2, 3, 17, 40])
  func aRectifierIsExactInAnyNumberOfPieces(pieces: Int) throws {
    var network = RuleNetwork([2])
    let weights = network.constant([1, 1], [2, 1])
    let bias = network.constant([-1], [1])
    let scores = network.node(Relu(), network.node(Gemm(), network.x, weights, bias))
    let map = try network.map("ig:\(pieces):quadrature=secant", of: scores, at: [1, 1])
    #expect(isClose(map, [0.5, 0.5]))
    #expect(map.steps == pieces && map.passes.backward == pieces)
  }

  /// The derivative of x³ is quadratic, its mean over a piece the secant's slope: x y z along the diagonal.
  @Test func productsOfThreeAreCompleteAndConverge() throws {
    var network = RuleNetwork([3])
    let parts = try (0..<3).map { column in
      var picked = [0.0, 0, 0]
      picked[column] = 1
      return try network.node(
        "MatMul", [:], network.x, network.constant(picked, [3, 1]))
    }
    let product = network.node(Mul(), network.node(Mul(), parts[0], parts[1]), parts[2])
    let one = try network.map("ig:1:quadrature=secant", of: product, at: [1, 2, 3])
    #expect(abs(one.completenessError) < 1e-12)
    // x y z grows like a³, and each gradient like a²: by symmetry each gets a third.
    let many = try network.map("ig:40:quadrature=secant", of: product, at: [1, 2, 3])
    #expect(isClose(many, [2, 2, 2], within: 1e-3))
  }

  /// max(x, y) from (0, 1/2) to (1, 0): y is larger up to a third of the way, x from there on.
  @Test func aMaximumIsSharedByTheTimeThatEachHasIt() throws {
    var network = RuleNetwork([1, 2])
    let pool = try network.node("MaxPool", ["kernel_shape": .ints([2])], network.x)
    let scores = network.node(Flatten(), pool)
    let map = try network.map(
      "ig:1:quadrature=secant", of: scores, at: [1, 0], from: [0, 0.5])
    #expect(isClose(map, [2.0 / 3, -0.5 / 3]))
  }

  /// max(4 - 4t, 3, 6t): the first place leads for a quarter of the way, the second up to the half.
  @Test func placesLeadOneAfterTheOther() throws {
    var network = RuleNetwork([1, 3])
    let pool = try network.node("MaxPool", ["kernel_shape": .ints([3])], network.x)
    let scores = network.node(Flatten(), pool)
    let map = try network.map(
      "ig:1:quadrature=secant", of: scores, at: [0, 3, 6], from: [4, 3, 0])
    #expect(isClose(map, [-1, 0, 3]))
  }

  /// Both places fall from 1, to -3 and -1: the second has the maximum all the way, which what is rectified
  /// before it is joined and pooled does not show any more.
  @Test func maximaOfJoinedRectifiersAreThoseBeforeThem() throws {
    var network = RuleNetwork([1, 2])
    let rectified = network.node(Relu(), network.x)
    let negative = network.node(Relu(), network.node(Neg(), network.x))
    let joined = network.node(Concat(axis: 1), rectified, negative)
    let pool = try network.node("MaxPool", ["kernel_shape": .ints([2])], joined)
    let scores = network.node(Flatten(), pool)
    let map = try network.map(
      "ig:1:quadrature=secant", of: scores, at: [-3, -1], from: [1, 1])
    #expect(isClose(map, [0, -1]))
  }

  /// Two layers with all kinds of nodes, beside many gradients at points.
  @Test(arguments: ["Tanh", "Relu", "LeakyRelu", "Sigmoid", "Elu", "HardSwish", "Softplus"])
  func mapsAreThoseOfManyPoints(activation: String) throws {
    let (network, scores) = try Self.network(activation)
    let point = Tensor.noise(shape: [32], seed: 3).doubles
    let truth = try network.map(
      "ig:20000:quadrature=midpoint", of: scores, at: point
    ).values.doubles
    let coarse = try network.map("ig:8:quadrature=secant", of: scores, at: point)
    let fine = try network.map("ig:128:quadrature=secant", of: scores, at: point)
    #expect(abs(coarse.completenessError) < 1e-8)
    #expect(abs(fine.completenessError) < 1e-8)
    let size = truth.map(abs).max() ?? 0
    #expect(difference(fine.values.doubles, truth) < 2e-3 * size)
    #expect(
      difference(fine.values.doubles, truth) < 0.5 * difference(coarse.values.doubles, truth))
  }

  /// Targets share the forward pass: 33 edges in two batches, of which one edge is computed twice.
  @Test func targetsShareTheForwardPass() throws {
    let (network, scores) = try Self.network("Relu")
    let function = try network.function(scores)
    let point = Tensor.noise(shape: [1, 2, 4, 4], seed: 3)
    let before = function.passes
    let both = try function.pathIntegrals(
      from: point.zeros(), to: point, targets: [0, 1], by: .secant(32))
    let passes = function.passes - before
    #expect(passes.forward == 34 && passes.backward == 64)
    for target in 0...1 {
      let one = try function.pathIntegral(
        from: point.zeros(), to: point, target: target, by: .secant(32))
      #expect(difference(one.values.doubles, both[target].values.doubles) < 1e-12)
    }
  }

  /// With a tolerance targets share the forward passes of the first round, of 17 edges; each gets what it
  /// gets alone.
  @Test func targetsShareTheFirstRound() throws {
    let (network, scores) = try Self.network("Relu")
    let function = try network.function(scores)
    let point = Tensor.noise(shape: [1, 2, 4, 4], seed: 3)
    func integrals(_ targets: [Int]) throws -> (integrals: [PathIntegral], passes: Passes) {
      let before = function.passes
      let integrals = try function.pathIntegrals(
        from: point.zeros(), to: point, targets: targets, by: .tolerance(0.002))
      return (integrals, function.passes - before)
    }
    let all = try integrals([0, 1, 2])
    let single = try (0...2).map { try integrals([$0]) }
    let sum = single.reduce(Passes()) { $0 + $1.passes }
    #expect(all.passes.forward == sum.forward - 2 * 17)
    #expect(all.passes.backward == sum.backward)
    for (integral, alone) in zip(all.integrals, single) {
      #expect(integral.values.doubles == alone.integrals[0].values.doubles)
      #expect(integral.steps == alone.integrals[0].steps)
    }
  }

  /// Rows that change places would be compared with the wrong neighbours.
  @Test func nodesThatMixRowsAreRefused() throws {
    var network = RuleNetwork([4])
    let turned = network.node(Transpose(permutation: [1, 0]), network.x)
    let back = network.node(Transpose(permutation: [1, 0]), network.node(Relu(), turned))
    #expect(throws: ModelError.self) {
      try network.map("ig:8:quadrature=secant", of: back, at: [1, 2, 3, 4])
    }
    // A tolerance needs no means.
    let map = try network.map("ig:tolerance=0.01", of: back, at: [1, 2, 3, 4])
    #expect(isClose(map, [1, 0, 0, 0]))
  }

  @Test func operatorsWithoutAMeanSlopeAreRefused() throws {
    var network = RuleNetwork([4])
    let scores = network.node(
      Mul(), try network.node("Softmax", [:], network.x), network.constant([1, 2, 3, 4], [4]))
    #expect(throws: ModelError.self) {
      try network.map("ig:8:quadrature=secant", of: scores, at: [1, 2, 3, 4])
    }
  }

  /// A mean over everything but the rows, and the same along the rows.
  @Test func sumsAlongTheRowsAreToldFromOthers() throws {
    for (axis, isTaken) in [(1, true), (-1, true), (0, false)] {
      var network = RuleNetwork([17])
      let active = network.node(Relu(), network.x)
      let scores = try network.node(
        "ReduceMean", ["axes": .ints([axis]), "keepdims": .int(0)], active)
      let row = network.node(Reshape(), scores, network.integers([-1, 1]))
      let map = try? network.map(
        "ig:16:quadrature=secant", of: row, at: [Double](repeating: 1, count: 17))
      #expect((map != nil) == isTaken)
    }
  }

  /// Means are the usual way where there are any; a Softmax has none.
  @Test func modelsWithoutMeansTakeGradientsAtPoints() throws {
    let (network, scores) = try Self.network("Relu")
    let point = Tensor.noise(shape: [32], seed: 3).doubles
    let means = try network.map("ig:16", of: scores, at: point)
    #expect(means.rules == ["secant"])
    let asked = try network.map("ig:16:quadrature=secant", of: scores, at: point)
    #expect(means.values.doubles == asked.values.doubles)

    var other = RuleNetwork([4])
    let soft = other.node(
      Mul(), try other.node("Softmax", [:], other.x), other.constant([1, 2, 3, 4], [4]))
    let points = try other.map("ig:16", of: soft, at: [1, 2, 3, 4])
    #expect(points.rules == ["warped:2.0"])
    let placed = try other.map("ig:16:quadrature=warped:2", of: soft, at: [1, 2, 3, 4])
    #expect(points.values.doubles == placed.values.doubles)
  }

  /// A secant over a jump would be counted, which the gradient never sees; poles and exponentials are far
  /// from straight lines.
  @Test(arguments: ["ThresholdedRelu", "Exp", "Reciprocal", "Sqrt", "Sign"])
  func whatHasNoMeanSlopeIsRefused(name: String) throws {
    var network = RuleNetwork([4])
    let shifted = network.node(Add(), network.x, network.constant([1, 1, 1, 1], [4]))
    let scores = network.node(
      Mul(), try network.node(name, [:], shifted), network.node(Relu(), network.x))
    #expect(throws: ModelError.self) {
      try network.map("ig:8:quadrature=secant", of: scores, at: [1, 2, 3, 4])
    }
    let points = try network.map("ig:8", of: scores, at: [1, 2, 3, 4])
    #expect(points.rules == ["warped:2.0"])
  }

  /// The gradient of |x| x at 0 is 0, that of the square root of its square is not defined: the last
  /// point has no piece behind it, so what happens there does not matter.
  @Test func theLastPointCountsForNothing() throws {
    var network = RuleNetwork([2])
    let scores = network.node(Relu(), network.x)
    let map = try network.map(
      "ig:5:quadrature=secant", of: scores, at: [0, 0], from: [3, -3])
    #expect(isClose(map, [-3, 0]))
  }

  /// The mean over the batch makes a point of all rows, so that no two share a batch.
  @Test func modelsWithoutBatchesAreRefused() throws {
    var network = RuleNetwork([4])
    let mean = try network.node("ReduceMean", ["axes": .ints([0])], network.x)
    let scores = network.node(Relu(), network.node(Add(), network.x, mean))
    #expect(throws: ModelError.self) {
      try network.map("ig:8:quadrature=secant", of: scores, at: [1, 2, 3, 4])
    }
  }

  /// A convolution, an activation, a MaxPool, a product of two branches and a layer on top.
  private static func network(_ activation: String) throws -> (RuleNetwork, Value) {
    var network = RuleNetwork([2, 4, 4])
    func weights(_ shape: Shape, _ seed: UInt64) -> [Double] {
      Tensor.noise(shape: shape, seed: seed).doubles
    }
    let kernel = network.constant(weights([4, 2, 3, 3], 1), [4, 2, 3, 3])
    let layer = try network.node("Conv", ["pads": .ints([1, 1, 1, 1])], network.x, kernel)
    let active = try network.node(activation, [:], layer)
    let pooled = try network.node(
      "MaxPool", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])], active)
    let flat = network.node(Flatten(), pooled)
    let gate = network.node(
      Gemm(), flat, network.constant(weights([16, 3], 2), [16, 3]),
      network.constant([0.1, -0.2, 0.3], [3]))
    let hidden = try network.node(
      activation, [:],
      network.node(
        Gemm(), flat, network.constant(weights([16, 3], 4), [16, 3]),
        network.constant([1, 1, 1], [3])))
    let scores = network.node(Mul(), hidden, try network.node("Sigmoid", [:], gate))
    return (network, scores)
  }
}
