import Attribution
import Evaluation
import Tensors
import Testing

struct LayerPointsTests {
  /// A baseline that stays the same is computed once, one that follows the sample each time.
  @Test func baselinesThatStay() throws {
    var count = 0
    let zeros = Tensor(repeating: 0.0, shape: [1, 2])
    let layer = try LayerPoints(input: 0, zeros: zeros) { input, _ in
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

  /// What the layer reads of other inputs is part of what its value depends on.
  @Test func baselinesBesideOtherInputs() throws {
    var count = 0
    let zeros = Tensor(repeating: 0.0, shape: [1, 1])
    let layer = try LayerPoints(input: 0, zeros: zeros, others: [2: zeros]) { input, others in
      count += 1
      let sum = input.doubles[0] + (others[2]?.doubles[0] ?? .nan)
      return Tensor([sum], shape: [1, 1])
    }
    // Zero for the first sample says nothing of others.
    #expect(!layer.isZeroAtZero)
    count = 0
    func value(_ others: [Int: Double]) throws -> Double {
      let others = others.mapValues { Tensor([$0], shape: [1, 1]) }
      return try layer.baseline(0, Tensor([3.0], shape: [1, 1]), others).doubles[0]
    }
    #expect(try value([1: 0, 2: 1]) == 4)
    #expect(try value([1: 5, 2: 1]) == 4)
    #expect(count == 1)
    #expect(try value([1: 5, 2: 2]) == 5)
    #expect(count == 2)
  }
}
