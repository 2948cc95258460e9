import Attribution
import Graphs
import Operators
import Tensors
import Testing

/// Methods that look at a layer, on networks of a few numbers.
@Suite struct LayerMethodTests {
  private let mixing = [1.5, -0.5]
  private let biases = [0.2, -0.1]
  private let votes = [2.0, -3.0]

  /// One channel -> two by a convolution of one pixel -> Relu -> means -> one score.
  private func network(side: Int, stride: Int = 1) throws -> ModelFunction {
    try ToyFunction.make([1, side, side]) { builder, x in
      let convolution = try ToyFunction.operation(
        "Conv", ["strides": .ints([stride, stride])], inputs: 3)
      let kernel = builder.constant(Tensor(mixing, shape: [2, 1, 1, 1]))
      let map = ToyFunction.node(
        &builder, convolution, [x, kernel, builder.constant(Tensor(biases))], "conv")
      let active = ToyFunction.node(&builder, Relu(), [map], "relu")
      let means = ToyFunction.node(&builder, GlobalAveragePool(), [active], "means")
      let flat = ToyFunction.node(&builder, Flatten(), [means], "flat")
      let weights = builder.constant(Tensor(votes, shape: [2, 1]))
      return ToyFunction.node(&builder, Gemm(), [flat, weights], "score")
    }
  }

  /// The sum of the channels that the Relu lets through, by their votes over the count of places.
  private func cam(_ pixels: [Double]) -> [Double] {
    pixels.map { pixel in
      let sum = zip(zip(mixing, biases), votes).reduce(0) { sum, channel in
        sum + channel.1 * max(channel.0.0 * pixel + channel.0.1, 0) / Double(pixels.count)
      }
      return max(sum, 0)
    }
  }

  @Test(arguments: ["grad-cam", "grad-cam:layer=relu"])
  func gradCamWeighsChannelsByTheirMeanGradient(item: String) throws {
    let point = ToyFunction.point([1, 5, 5])
    let map = try Method(item).map(of: network(side: 5), at: point)
    #expect(difference(map.values.doubles, cam(point.doubles)) < 1e-14)
    #expect(map.values.doubles.contains { $0 > 0.01 })
  }

  /// Two places to four: centres at -1/4, 1/4, 3/4 and 5/4 of the distance.
  @Test func gradCamIsStretchedBetweenCentres() throws {
    let point = ToyFunction.point([1, 4, 4])
    let x = point.doubles
    let small = cam([x[0], x[2], x[8], x[10]])
    let map = try Method("grad-cam").map(of: network(side: 4, stride: 2), at: point)
    let shares = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    let expected = shares.flatMap { rows in
      shares.map { columns in
        rows[0] * (columns[0] * small[0] + columns[1] * small[1])
          + rows[1] * (columns[0] * small[2] + columns[1] * small[3])
      }
    }
    #expect(difference(map.values.doubles, expected) < 1e-14)
  }

  /// Behind a linear layer the conductance of a unit is what it is times its vote, with any steps.
  @Test func conductanceOfALinearLayerIsItsContribution() throws {
    let function = try ToyFunction.make([3]) { builder, x in
      let first = builder.constant(Tensor([1.0, 2, -1, 0.5, 3, 1], shape: [3, 2]))
      let hidden = ToyFunction.node(&builder, Gemm(), [x, first], "hidden")
      let second = builder.constant(Tensor([2.0, -1], shape: [2, 1]))
      return ToyFunction.node(&builder, Gemm(), [hidden, second], "score")
    }
    let point = Tensor([1.0, 2, 3], shape: [1, 3])
    let map = try Method("conductance:3:layer=hidden").map(of: function, at: point)
    // hidden = (1 - 2 + 9, 2 + 1 + 3)
    #expect(map.values.shape == [1, 2])
    #expect(difference(map.values.doubles, [16, -6]) < 1e-13)
    #expect(abs(map.completenessError) < 1e-13)
  }

  /// At the input itself it is Integrated Gradients by the same rule; batches make no difference.
  @Test(arguments: [1, 7, 40], ["left", "secant"])
  func conductanceOfTheInputIsIntegratedGradients(steps: Int, rule: String) throws {
    let function = try network(side: 3)
    let point = ToyFunction.point([1, 3, 3])
    let map = try Method("conductance:\(steps):quadrature=\(rule):layer=x")
      .map(of: function, at: point)
    let ig = try Method("ig:\(steps):quadrature=\(rule)").map(of: function, at: point)
    #expect(map.values.shape == [1, 1, 3, 3])
    #expect(difference(map.values.doubles, ig.values.doubles) < 1e-14)
  }

  /// Every hidden layer passes the whole difference of the scores on.
  @Test(arguments: ["conv", "relu", "means"])
  func conductanceAddsUp(layer: String) throws {
    let function = try network(side: 3)
    let point = ToyFunction.point([1, 3, 3])
    let left = try Method("conductance:2000:quadrature=left:layer=\(layer)")
      .map(of: function, at: point)
    #expect(abs(left.completenessError) < 2e-3)
    let mean = try Method("conductance:2000:layer=\(layer)").map(of: function, at: point)
    #expect(abs(mean.completenessError) < 1e-12)
    #expect(difference(mean.values.doubles, left.values.doubles) < 2e-3)
    let few = try Method("conductance:3:layer=\(layer)").map(of: function, at: point)
    #expect(abs(few.completenessError) < 1e-12)
  }

  @Test(arguments: [
    ("grad-cam:layer=rleu", "'relu'"), ("grad-cam:layer=score", "spatial dimensions"),
    ("grad-cam:layer=flat", "spatial dimensions"), ("conductance:layer=unknown", "no layer"),
  ])
  func layersThatDoNotFitAreRefused(item: String, reason: String) throws {
    let error = #expect(throws: ModelError.self) {
      try Method(item).map(of: network(side: 3), at: ToyFunction.point([1, 3, 3]))
    }
    #expect(error?.kind == .usage && error?.reason.contains(reason) ?? false)
  }

  @Test func aLayerBesideThePathIsRefused() throws {
    let function = try ToyFunction.make([2], space: .output("first")) { builder, x in
      let first = ToyFunction.node(&builder, Relu(), [x], "first")
      return ToyFunction.node(&builder, Mul(), [first, first], "second")
    }
    let error = #expect(throws: ModelError.self) {
      try Method("conductance:layer=second").map(of: function, at: ToyFunction.point([2]))
    }
    #expect(error?.reason.contains("do not depend on layer 'second'") ?? false)
  }

  @Test(arguments: ["grad-cam", "blur-ig"])
  func pictureMethodsRefuseVectors(item: String) throws {
    let error = #expect(throws: ModelError.self) {
      try Method(item).map(
        of: ToyFunction.linear([4], [[1, 2, 3, 4]]), at: ToyFunction.point([4]))
    }
    #expect(error?.kind == .usage)
  }
}
