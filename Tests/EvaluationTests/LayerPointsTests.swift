import Evaluation
import Tensors
import Testing

struct LayerPointsTests {
  /// A baseline that stays the same is computed once, one that follows the sample each time.
  @Test func baselinesThatStay() throws {
    var count = 0
    let zeros = Tensor(repeating: 0.0, shape: [1, 2])
    let layer = try LayerPoints(input: 0, zeros: zeros) { input in
      count += 1
      return Tensor(input.elements(as: Double.self).map { 2 * $0 + 1 }, shape: input.shape)
    }
    count = 0
    func value(_ number: Int, _ elements: [Double]) throws -> [Double] {
      try layer.baseline(number, Tensor(elements, shape: [1, 2])).elements(as: Double.self)
    }
    for _ in 1...3 {
      #expect(try value(0, [0, 1]) == [1, 3])
      #expect(try value(1, [2, 3]) == [5, 7])
    }
    #expect(count == 2)
    #expect(try value(1, [2, 4]) == [5, 9])
    #expect(try value(1, [2, 3]) == [5, 7])
    #expect(count == 4)
  }
}
