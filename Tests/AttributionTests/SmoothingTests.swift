import Attribution
import Graphs
import Operators
import Tensors
import Testing

/// SmoothGrad and its kin on models whose gradients are known.
@Suite struct SmoothingTests {
  private let weights = [0.5, -2, 3, 0.25]

  /// The sum of squares, whose gradient at x is 2x.
  private func square() throws -> ModelFunction {
    try ToyFunction.make([3]) { builder, x in
      let squares = ToyFunction.node(&builder, Mul(), [x, x], "squares")
      let ones = builder.constant(Tensor([1.0, 1, 1], shape: [3, 1]))
      return ToyFunction.node(&builder, Gemm(), [squares, ones], "sum")
    }
  }

  @Test func aLinearModelIsSmoothAlready() throws {
    let function = try ToyFunction.linear([4], [weights])
    let point = ToyFunction.point([4])
    let mean = try Method("smoothgrad:40").map(of: function, at: point)
    #expect(difference(mean.values.doubles, weights) < 1e-14)
    let squares = try Method("smoothgrad-squared:40").map(of: function, at: point)
    #expect(difference(squares.values.doubles, weights.map { $0 * $0 }) < 1e-13)
    let spread = try Method("vargrad:40").map(of: function, at: point)
    #expect(difference(spread.values.doubles, [0, 0, 0, 0]) < 1e-25)
    #expect(mean.passes.backward == 48 || mean.passes.backward == 40)
  }

  /// The gradient 2x of a square moves with the noise, whose variance is that asked for.
  @Test func theNoiseHasTheSpreadAskedFor() throws {
    let point = Tensor([1.0, -0.5, 2], shape: [1, 3])
    let spread = try Method("vargrad:20000:sigma=0.1").map(of: square(), at: point)
    for variance in spread.values.doubles { #expect(abs(variance / (4 * 0.0625) - 1) < 0.05) }
    let mean = try Method("smoothgrad:20000:sigma=0.1").map(of: square(), at: point)
    #expect(difference(mean.values.doubles, [2, -1, 4]) < 0.02)
    let squares = try Method("smoothgrad-squared:20000:sigma=0.1").map(of: square(), at: point)
    let sums = zip(mean.values.doubles, spread.values.doubles).map { $0 * $0 + $1 }
    #expect(difference(squares.values.doubles, sums) < 1e-10)
  }

  /// Drawn from SplitMix64 sample after sample, element after element.
  @Test func noiseIsDrawnInOrder() throws {
    let point = Tensor([1.0, -0.5, 2], shape: [1, 3])
    let map = try Method("smoothgrad:3:sigma=0.2").map(of: square(), at: point, seed: 9)
    var noise = SampleNoise(seed: 9, digest: "", purpose: "smoothgrad")
    let drawn = (0..<9).map { _ in noise.normal() }
    // The range of the point is 2.5.
    let expected = (0..<3).map { index -> Double in
      let mean = (drawn[index] + drawn[index + 3] + drawn[index + 6]) / 3
      return 2 * (point.doubles[index] + 0.2 * 2.5 * mean)
    }
    #expect(difference(map.values.doubles, expected) < 1e-13)
  }

  /// A mean over the samples at which a model has a score would be that of another model.
  @Test(arguments: ["smoothgrad", "smoothgrad-squared", "vargrad"])
  func samplesWithoutScoreAreRefused(name: String) throws {
    let function = try ToyFunction.make([3]) { builder, x in
      let logarithms = ToyFunction.node(&builder, Log(), [x], "logarithms")
      let ones = builder.constant(Tensor([1.0, 1, 1], shape: [3, 1]))
      return ToyFunction.node(&builder, Gemm(), [logarithms, ones], "sum")
    }
    let point = Tensor([0.2, 1, 2], shape: [1, 3])
    for inner in ["", ":of=ig:4"] {
      let error = try #require(throws: ModelError.self) {
        try Method("\(name):40:sigma=0.5\(inner)").map(of: function, at: point)
      }
      #expect(error.reason.contains(" of 40 noisy samples"), "\(error.reason)")
    }
    let near = try Method("\(name):40:sigma=0.001").map(of: function, at: point)
    let isFinite = near.values.doubles.allSatisfy { $0.isFinite }
    #expect(isFinite)
  }

  @Test func theSeedDecides() throws {
    let point = Tensor([1.0, -0.5, 2], shape: [1, 3])
    func values(_ seed: UInt64) throws -> [Double] {
      try Method("vargrad:5").map(of: square(), at: point, seed: seed).values.doubles
    }
    #expect(try values(3) == values(3))
    #expect(try values(3) != values(4))
  }

  /// On a linear model Integrated Gradients are input times gradient, at every noisy sample.
  @Test func otherMethodsAreSmoothedSampleBySample() throws {
    let function = try ToyFunction.linear([4], [weights])
    let point = ToyFunction.point([4])
    let ig = try Method("smoothgrad:7:of=ig:3").map(of: function, at: point)
    let product = try Method("smoothgrad:7:of=input-x-gradient").map(of: function, at: point)
    #expect(difference(ig.values.doubles, product.values.doubles) < 1e-13)
    #expect(difference(ig.values.doubles, zip(weights, point.doubles).map { $0 * $1 }) > 1e-3)
  }
}
