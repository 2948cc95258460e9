import Attribution
import Foundation
import Graphs
import Operators
import Tensors
import Testing

/// Blur IG and Guided IG where their paths can be followed by hand.
@Suite struct GuidedPathTests {
  private let weights = [0.5, -2, 3, 0.25, 1]

  /// On a linear model every path that arrives is worth the same.
  @Test(arguments: [
    "guided-ig:10", "guided-ig:25:fraction=0.5:distance=0.3", "guided-ig:10:quadrature=left",
  ])
  func aLinearModelIsWorthItsProducts(item: String) throws {
    let point = ToyFunction.point([5])
    let start = ToyFunction.point([5], seed: 3)
    let map = try Method(item).map(
      of: ToyFunction.linear([5], [weights]), at: point, from: start)
    let expected = zip(weights, zip(point.doubles, start.doubles)).map { $0 * ($1.0 - $1.1) }
    #expect(difference(map.values.doubles, expected) < 1e-8)
    #expect(abs(map.completenessError) < 1e-8)
  }

  /// Without freedom the path is the straight line, and the sum that of left ends.
  @Test func withoutFreedomItIsIntegratedGradients() throws {
    let function = try product()
    let point = ToyFunction.point([5])
    let guided = try Method("guided-ig:16:distance=0:quadrature=left")
      .map(of: function, at: point)
    let ig = try Method("ig:16:quadrature=left").map(of: function, at: point)
    #expect(difference(guided.values.doubles, ig.values.doubles) < 1e-12)
  }

  /// Of f = 4u + v² the second has the smaller gradient until it is done, so it moves first: by
  /// half the way at once, where its gradient is still 0.
  @Test func smallGradientsMoveFirst() throws {
    let function = try ToyFunction.make([2]) { builder, x in
      let squares = ToyFunction.node(&builder, Mul(), [x, x], "squares")
      let slope = builder.constant(Tensor([4.0, 0], shape: [2, 1]))
      let pick = builder.constant(Tensor([0.0, 1], shape: [2, 1]))
      let linear = ToyFunction.node(&builder, Gemm(), [x, slope], "linear")
      return ToyFunction.node(&builder, Gemm(), [squares, pick, linear], "score")
    }
    let point = Tensor([1.0, 1], shape: [1, 2])
    let left = try Method("guided-ig:2:distance=1:quadrature=left").map(of: function, at: point)
    #expect(difference(left.values.doubles, [4, 0]) < 1e-12)
    let mean = try Method("guided-ig:2:distance=1").map(of: function, at: point)
    #expect(mean.values.doubles == [4, 1])
  }

  @Test func moreStepsAddUpBetter() throws {
    let function = try product()
    let point = ToyFunction.point([5])
    let errors = try [50, 1600].map {
      try abs(
        Method("guided-ig:\($0):quadrature=left").map(of: function, at: point).completenessError)
    }
    #expect(errors[1] < errors[0] / 8 && errors[1] < 1e-2)
  }

  /// Of a polynomial of degree two, however many steps there are.
  @Test(arguments: ["guided-ig:1", "guided-ig:7"])
  func meanGradientsAddUp(item: String) throws {
    let map = try Method(item).map(of: product(), at: ToyFunction.point([5]))
    #expect(map.rules == ["secant"])
    #expect(abs(map.completenessError) < 1e-12)
  }

  /// Softmax has no mean gradient, so steps take those at both ends.
  @Test func withoutMeansItIsTheTrapezoid() throws {
    let function = try ToyFunction.make([5]) { builder, x in
      let shares = ToyFunction.node(&builder, Softmax(axis: 1), [x], "shares")
      return ToyFunction.node(
        &builder, Gemm(), [shares, builder.constant(Tensor(weights, shape: [5, 1]))], "score")
    }
    let point = ToyFunction.point([5])
    let map = try Method("guided-ig:5").map(of: function, at: point)
    #expect(map.rules == ["trapezoid"])
    let straight = try Method("guided-ig:64:distance=0").map(of: function, at: point)
    let ig = try Method("ig:64:quadrature=trapezoid").map(of: function, at: point)
    #expect(difference(straight.values.doubles, ig.values.doubles) < 1e-6)
    let blind = #expect(throws: ModelError.self) {
      try Method("guided-ig:5:quadrature=secant").map(of: function, at: point)
    }
    #expect(blind?.reason.hasSuffix("take another quadrature, or leave it out") ?? false)
  }

  /// The sum of x and of its squares.
  private func product() throws -> ModelFunction {
    try ToyFunction.make([5]) { builder, x in
      let squares = ToyFunction.node(&builder, Mul(), [x, x], "squares")
      let sum = ToyFunction.node(&builder, Add(), [x, squares], "sum")
      return ToyFunction.node(
        &builder, Gemm(), [sum, builder.constant(Tensor(weights, shape: [5, 1]))], "score")
    }
  }

  /// However often a model rectifies before it pools, its mean gradients are the same.
  @Test(arguments: ["guided-ig:3", "ig:3", "conductance:3:layer=x"])
  func aSecondReluChangesNoMean(item: String) throws {
    let (point, start) = (ToyFunction.point([1, 4, 4]), ToyFunction.point([1, 4, 4], seed: 9))
    let maps = try [1, 2].map { count in
      let function = try ToyFunction.make([1, 4, 4]) { builder, x in
        let pool = try ToyFunction.operation(
          "MaxPool", ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])], inputs: 1)
        let active = (1...count).reduce(x) { value, number in
          ToyFunction.node(&builder, Relu(), [value], "relu\(number)")
        }
        let maxima = ToyFunction.node(&builder, pool, [active], "maxima")
        let flat = ToyFunction.node(&builder, Flatten(), [maxima], "flat")
        let weights = builder.constant(Tensor([1.0, -2, 3, 0.5], shape: [4, 1]))
        return ToyFunction.node(&builder, Gemm(), [flat, weights], "score")
      }
      return try Method(item).map(of: function, at: point, from: start).values.doubles
    }
    #expect(difference(maps[0], maps[1]) < 1e-14)
  }

  private let shape: Shape = [3, 5, 6]

  /// The definition, pixel by pixel: weights cut off at four sigma, zeros beyond the borders.
  private func blurred(_ x: [Double], _ sigma: Double) -> [Double] {
    let radius = Int(4 * sigma + 0.5)
    let total = (-radius...radius).reduce(0.0) { $0 + exp(-Double($1 * $1) / (2 * sigma * sigma)) }
    func weight(_ distance: Int) -> Double {
      abs(distance) > radius
        ? 0 : radius == 0 ? 1 : exp(-Double(distance * distance) / (2 * sigma * sigma)) / total
    }
    return (0..<90).map { index in
      let (plane, row, column) = (index / 30, index % 30 / 6, index % 6)
      var sum = 0.0
      for y in 0..<5 {
        for z in 0..<6 { sum += weight(y - row) * weight(z - column) * x[plane * 30 + y * 6 + z] }
      }
      return sum
    }
  }

  @Test func blurIGFollowsItsAuthors() throws {
    let weights = ToyFunction.point(shape, seed: 8).doubles
    let point = ToyFunction.point(shape)
    let map = try Method("blur-ig:4:sigma=2:quadrature=left").map(
      of: ToyFunction.linear(shape, [weights]), at: point)
    var expected = [Double](repeating: 0, count: 90)
    for sigma in [0, 0.5, 1, 1.5] {
      let (here, there) = (blurred(point.doubles, sigma), blurred(point.doubles, sigma + 0.01))
      for index in expected.indices {
        expected[index] -= 0.5 * weights[index] * (there[index] - here[index]) / 0.01
      }
    }
    #expect(difference(map.values.doubles, expected) < 1e-11)
    let end = zip(weights, blurred(point.doubles, 2)).reduce(0) { $0 + $1.0 * $1.1 }
    #expect(abs((map.baselineScore ?? 0) - end) < 1e-12)
  }

  @Test func blurIGAddsUpWithManySteps() throws {
    let weights = ToyFunction.point(shape, seed: 8).doubles
    let function = try ToyFunction.linear(shape, [weights])
    let map = try Method("blur-ig:1500:sigma=3:quadrature=left").map(
      of: function, at: ToyFunction.point(shape))
    #expect(map.relativeCompletenessError < 0.05)
  }

  /// A linear model takes nothing but the ends; that of squares the mean of both ends of each step.
  @Test func blurIGOfMeansFollowsItsDefinition() throws {
    let point = ToyFunction.point(shape)
    let function = try ToyFunction.make(shape) { builder, x in
      let squares = ToyFunction.node(&builder, Mul(), [x, x], "squares")
      let flat = ToyFunction.node(&builder, Flatten(axis: 1), [squares], "flat")
      let ones = builder.constant(Tensor(repeating: 1.0, shape: [90, 1]))
      return ToyFunction.node(&builder, Gemm(), [flat, ones], "score")
    }
    let map = try Method("blur-ig:3:sigma=1.5").map(of: function, at: point)
    var expected = [Double](repeating: 0, count: 90)
    for (from, to) in [(1.5, 12 / 27.0), (12 / 27.0, 1.5 / 27), (1.5 / 27, 0)] {
      let (here, there) = (blurred(point.doubles, from), blurred(point.doubles, to))
      for index in expected.indices {
        expected[index] += there[index] * there[index] - here[index] * here[index]
      }
    }
    #expect(difference(map.values.doubles, expected) < 1e-12)
    #expect(abs(map.completenessError) < 1e-11)
  }
}
