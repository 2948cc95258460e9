import Kernels
import Tensors
import Testing

/// A product with its factors' extents.
struct ProductCase: Sendable, CustomTestStringConvertible {
  var a: Shape
  var b: Shape
  var transposingA = false
  var transposingB = false
  var alpha = 1.0
  var addend: Shape?
  var beta = 1.0

  var testDescription: String {
    "\(a)\(transposingA ? "'" : "") by \(b)\(transposingB ? "'" : ""), \(alpha), "
      + "\(addend?.description ?? "none"), \(beta)"
  }

  static let all: [ProductCase] = [
    ProductCase(a: [16, 200], b: [200, 130]),
    ProductCase(a: [16, 200], b: [130, 200], transposingB: true, addend: [130]),
    ProductCase(a: [200, 16], b: [200, 130], transposingA: true, addend: [16, 1], beta: 0.5),
    ProductCase(
      a: [31, 7], b: [5, 31], transposingA: true, transposingB: true, alpha: 2, addend: [5]),
    ProductCase(a: [1, 9], b: [9, 1], addend: [1, 1], beta: -3),
    ProductCase(a: [2, 3, 17, 8], b: [2, 3, 8, 19]),
    ProductCase(a: [2, 3, 17, 8], b: [3, 19, 8], transposingB: true),
    ProductCase(a: [4, 1, 17, 8], b: [3, 8, 5], alpha: 0.5),
    ProductCase(a: [4, 17, 8], b: [8, 33], addend: [33]),
    ProductCase(a: [17, 8], b: [5, 8, 4]),
    ProductCase(a: [3, 8, 17], b: [8, 4], transposingA: true),
    ProductCase(a: [3, 0], b: [0, 4], addend: [4]),
  ]
}

@Suite struct MatrixProductTests {
  @Test(arguments: ProductCase.all)
  func singlePrecisionAgreesWithTheDefinition(test: ProductCase) throws {
    var generator = SplitMix64(seed: 1)
    let workspace = Workspace()
    let (a, b) = (generator.tensor(test.a), generator.tensor(test.b))
    let addend = test.addend.map { generator.tensor($0) }
    func product(_ type: ElementType, rectified: Bool) throws -> Tensor {
      try workspace.product(
        a.converted(to: type), b.converted(to: type), transposingA: test.transposingA,
        transposingB: test.transposingB, alpha: test.alpha,
        addend: addend?.converted(to: type), beta: test.beta, rectified: rectified)
    }
    for rectified in [false, true] {
      let expected = try product(.float64, rectified: rectified)
      let actual = try product(.float32, rectified: rectified)
      #expect(actual.shape == expected.shape)
      #expect(distance(actual, expected, in: workspace) < 1e-5)
    }
  }

  /// One row times a matrix that no cache holds, every number of the row zero that is not kept.
  @Test(arguments: [1, 2, 3, 699, 701])
  func oneRowMayHoldZeros(keepingEvery step: Int) throws {
    var generator = SplitMix64(seed: 3)
    let workspace = Workspace()
    let numbers = generator.tensor([700]).elements(as: Double.self)
    let kept = numbers.enumerated().map { ($0 + 1) % step == 0 || $0 % 5 == 4 ? $1 : 0 }
    let a = Tensor(step == 701 ? numbers.map { _ in 0 } : kept, shape: [1, 700])
    let addend = generator.tensor([1100])
    for transposing in [false, true] {
      let b = generator.tensor(transposing ? [1100, 700] : [700, 1100])
      for (beta, leavesOut) in [(0, true), (1, true), (-0.5, true), (1, false)] {
        func product(_ type: ElementType) throws -> Tensor {
          try workspace.product(
            a.converted(to: type), b.converted(to: type), transposingB: transposing, alpha: 2,
            addend: addend.converted(to: type), beta: beta, leavingOutZeros: leavesOut)
        }
        #expect(distance(try product(.float32), try product(.float64), in: workspace) < 1e-6)
      }
    }
  }

  /// Zero times infinity is no number, but for gradients.
  @Test func zerosMeetWhatIsNotFinite() throws {
    var generator = SplitMix64(seed: 4)
    var (row, matrix) = (
      generator.tensor([700]).elements(as: Double.self),
      generator.tensor([700 * 1100]).elements(as: Double.self)
    )
    row[8] = 0
    matrix[8 * 1100 + 3] = .infinity
    let (a, b) = (
      Tensor(row, shape: [1, 700]).single, Tensor(matrix, shape: [700, 1100]).single
    )
    func element(leavingOut: Bool) throws -> Float {
      try Workspace().product(a, b, leavingOutZeros: leavingOut).elements(as: Float.self)[3]
    }
    #expect(try element(leavingOut: false).isNaN)
    #expect(try element(leavingOut: true).isFinite)
  }

  @Test func factorsMayLieAtAnyByte() throws {
    var generator = SplitMix64(seed: 2)
    let workspace = Workspace()
    for transposing in [false, true] {
      let a = generator.tensor([3, 700])
      let b = generator.tensor(transposing ? [300, 700] : [700, 300])
      let expected = try workspace.product(a, b, transposingB: transposing)
      let actual = try workspace.product(a.single, b.single.unaligned, transposingB: transposing)
      #expect(distance(actual, expected, in: workspace) < 1e-5)
    }
  }

  @Test func factorsThatDisagreeAreRefused() {
    let workspace = Workspace()
    func zeros(_ shape: Shape) -> Tensor { Tensor(repeating: 0 as Float, shape: shape) }
    #expect(throws: KernelError.self) { try workspace.product(zeros([2, 3]), zeros([2, 3])) }
    #expect(throws: KernelError.self) { try workspace.product(zeros([3]), zeros([3, 2])) }
    #expect(throws: KernelError.self) {
      try workspace.product(zeros([2, 2, 3]), zeros([3, 3, 2]))
    }
  }
}
