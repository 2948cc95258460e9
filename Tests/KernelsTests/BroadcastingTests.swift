import Kernels
import Tensors
import Testing

/// Broadcasting and reductions against an index by index computation.
@Suite struct BroadcastingTests {
  static let pairs: [[Shape]] = [
    [[2, 3, 4], [2, 3, 4]], [[2, 3, 4], []], [[], [2, 3]], [[2, 3, 4], [4]], [[2, 3, 4], [3, 1]],
    [[2, 1, 4], [1, 3, 1]], [[2, 3, 1], [2, 1, 4]], [[1, 1], [5]], [[2, 0, 3], [1, 3]],
    [[1], [1, 1, 1]], [[2, 1, 2, 1, 2], [1, 3, 1, 3, 1]], [[20000], [20000]], [[200, 300], [300]],
  ]

  @Test(arguments: pairs)
  func differencesOfStretchedOperands(shapes: [Shape]) throws {
    let workspace = Workspace()
    var generator = SplitMix64(seed: 1)
    let (a, b) = (generator.tensor(shapes[0]), generator.tensor(shapes[1]))
    let shape = try #require(Shape.broadcast(a.shape, b.shape))
    let (x, y) = (a.elements(as: Double.self), b.elements(as: Double.self))
    let expected = zip(places(a.shape, in: shape), places(b.shape, in: shape))
      .map { x[$0] - y[$1] }
    #expect(try workspace.apply(.subtract, a, b).elements(as: Double.self) == expected)
    let single = try workspace.apply(.subtract, a.single.unaligned, b.single)
    #expect(single.elements(as: Float.self) == expected.map { Float($0) })
  }

  @Test(
    arguments: [
      ([2, 3, 4], [0]), ([2, 3, 4], [1]), ([2, 3, 4], [2]), ([2, 3, 4], [0, 2]),
      ([2, 3, 4], [1, 2]), ([2, 3, 4], [0, 1, 2]), ([2, 3, 4], []), ([2, 1, 3, 1, 5], [1, 2]),
      ([2, 3, 4, 5], [1, 3]), ([3, 0, 2], [1]), ([300, 200], [0]), ([40, 30, 50], [1, 2]),
    ] as [([Int], [Int])])
  func sumsAlongAxes(extents: [Int], axes: [Int]) throws {
    let workspace = Workspace()
    var generator = SplitMix64(seed: 2)
    let x = generator.tensor(Shape(extents))
    let kept = Shape(extents.enumerated().map { axes.contains($0) ? 1 : $1 })
    var sums = [Double](repeating: 0, count: kept.elementCount)
    var maxima = [Double](repeating: -.infinity, count: kept.elementCount)
    for (element, place) in zip(x.elements(as: Double.self), places(kept, in: x.shape)) {
      sums[place] += element
      maxima[place] = max(maxima[place], element)
    }
    let sum = try workspace.reduce(.sum, x, axes: axes, keepDimensions: true)
    #expect(sum.shape == kept)
    #expect(zip(sum.elements(as: Double.self), sums).allSatisfy { abs($0 - $1) < 1e-12 })
    let maximum = try workspace.reduce(.maximum, x, axes: axes, keepDimensions: true)
    #expect(maximum.elements(as: Double.self) == maxima)
    let toShape = try workspace.sum(x, to: kept)
    #expect(toShape.elements(as: Double.self) == sum.elements(as: Double.self))
  }

  /// A naive float32 sum of these is off by 1e-3.
  @Test func sumsAccumulateInDoublePrecision() throws {
    let x = Tensor(repeating: 0.1 as Float, shape: [1 << 20])
    let sum = try Workspace().reduce(.sum, x, axes: [0], keepDimensions: false)
    #expect(sum.elements(as: Float.self)[0] == Float(Double(0.1 as Float) * Double(1 << 20)))
  }

  @Test func choicesStretchAllThree() throws {
    let condition = Tensor([true, false], shape: [2, 1])
    let chosen = try Workspace().select(
      condition, Tensor([1 as Int16, 2, 3]), Tensor(scalar: 9 as Int16))
    #expect(chosen.elements(as: Int16.self) == [1, 2, 3, 9, 9, 9])
  }

  /// For each place of `shape`, the place that it has in a tensor stretched to it.
  private func places(_ small: Shape, in shape: Shape) -> [Int] {
    let step = small.stretchedStrides(to: shape)
    let strides = shape.strides
    return (0..<shape.elementCount).map { position in
      shape.indices.reduce(0) { $0 + position / strides[$1] % shape[$1] * step[$1] }
    }
  }
}

/// What integers do where other programs trap.
@Suite struct IntegerArithmeticTests {
  @Test func overflowWrapsAround() throws {
    let workspace = Workspace()
    let (least, one) = (Tensor([Int32.min]), Tensor([-1 as Int32]))
    #expect(try workspace.apply(.divide, least, one).elements(as: Int32.self) == [.min])
    #expect(try workspace.apply(.remainder, least, one).elements(as: Int32.self) == [0])
    #expect(try workspace.apply(.negate, least).elements(as: Int32.self) == [.min])
    #expect(try workspace.apply(.absolute, least).elements(as: Int32.self) == [.min])
    #expect(try workspace.apply(.multiply, least, least).elements(as: Int32.self) == [0])
    let power = try workspace.power(Tensor([3 as Int64, -1, 2]), Tensor([41 as Int64, -3, -1]))
    #expect(power.elements(as: Int64.self) == [-420_491_770_248_316_829, -1, 0])
  }

  @Test(arguments: [BinaryFunction.divide, .modulo, .remainder])
  func divisionByZeroIsRefused(function: BinaryFunction) throws {
    #expect(throws: KernelError.self) {
      try Workspace().apply(function, Tensor([1 as Int64, 2]), Tensor([1 as Int64, 0]))
    }
  }
}
