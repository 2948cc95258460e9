import Foundation
import Kernels
import Tensors
import Testing

/// The logistic function in float32 against the C library's exponential in float64.
@Suite struct LogisticTests {
  @Test func isAccurateFromEndToEnd() throws {
    let points = (-8000...8000).map { Float($0) / 100 } + [1e-30, -1e-30, 3e-8]
    let result = try Workspace().apply(.sigmoid, Tensor(points)).elements(as: Float.self)
    for (x, y) in zip(points, result) {
      let expected = 1 / (1 + exp(-Double(x)))
      #expect(abs(Double(y) - expected) <= 3e-7 * expected, "at \(x)")
    }
  }

  @Test func endsAreReached() throws {
    let points: [Float] = [-.infinity, -1000, 1000, .infinity, .nan]
    let result = try Workspace().apply(.sigmoid, Tensor(points)).elements(as: Float.self)
    #expect(result[0] < 1e-34 && result[1] < 1e-34)
    #expect(result[2] == 1 && result[3] == 1 && result[4].isNaN)
  }
}
