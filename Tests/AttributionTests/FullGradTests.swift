import Attribution
import Graphs
import Operators
import Tensors
import Testing

/// FullGrad where its parts are known; whole networks are in the tests of golden models.
@Suite struct FullGradTests {
  /// relu(x - 1) + 2 relu(x + 1) at 3: the slope is 3, the biases -1 and 2.
  @Test func biasesCountWhereUnitsAreOn() throws {
    let function = try ToyFunction.make([2]) { builder, x in
      let first = builder.constant(Tensor([1.0, 1, 0, 1], shape: [2, 2]))
      let bias = builder.constant(Tensor([-1.0, 1]))
      let hidden = ToyFunction.node(&builder, Gemm(), [x, first, bias], "hidden")
      let active = ToyFunction.node(&builder, Relu(), [hidden], "active")
      let second = builder.constant(Tensor([1.0, 2], shape: [2, 1]))
      let last = builder.constant(Tensor([0.5]))
      return ToyFunction.node(&builder, Gemm(), [active, second, last], "score")
    }
    // Units x + 0y - 1 and x + y + 1, both on: slopes 3 and 2, biases -1 + 2 + 0.5 shared by two.
    let map = try Method("fullgrad").map(of: function, at: Tensor([3.0, 1], shape: [1, 2]))
    #expect(difference(map.values.doubles, [9 + 0.75, 2 + 0.75]) < 1e-13)
    #expect(map.score == 12.5 && abs(map.completenessError) < 1e-13)
  }

  /// The bias of a convolution stays at its places, and each of three channels gets a third.
  @Test func biasesOfFeatureMapsKeepTheirPlaces() throws {
    let function = try ToyFunction.make([3, 2, 2]) { builder, x in
      let convolution = try ToyFunction.operation("Conv", inputs: 3)
      let kernel = builder.constant(Tensor([1.0, 0, 0], shape: [1, 3, 1, 1]))
      let bias = builder.constant(Tensor([0.6]))
      let map = ToyFunction.node(&builder, convolution, [x, kernel, bias], "map")
      let active = ToyFunction.node(&builder, Relu(), [map], "active")
      let flat = ToyFunction.node(&builder, Flatten(), [active], "flat")
      let votes = builder.constant(Tensor([1.0, 2, 4, 8], shape: [4, 1]))
      return ToyFunction.node(&builder, Gemm(), [flat, votes], "score")
    }
    let first = [1.0, -2, 0.5, 3]
    let point = Tensor(first + [9, 9, 9, 9, -9, 9, -9, 9], shape: [1, 3, 2, 2])
    let map = try Method("fullgrad").map(of: function, at: point).values.doubles
    // The second pixel is off.
    let shares = [0.2, 0, 0.8, 1.6]
    let expected = [1.2, 0, 2.8, 25.6] + shares + shares
    #expect(difference(map, expected) < 1e-13)
  }

  /// sigmoid(x) times y + 2: the product and the Sigmoid keep what is not linear in them.
  @Test func curvesKeepAnImplicitBias() throws {
    let function = try ToyFunction.make([1]) { builder, x in
      let gate = ToyFunction.node(
        &builder, try ToyFunction.operation("Sigmoid"), [x], "gate")
      let two = builder.constant(Tensor([2.0]))
      let shifted = ToyFunction.node(&builder, Add(), [x, two], "shifted")
      return ToyFunction.node(&builder, Mul(), [gate, shifted], "score")
    }
    let map = try Method("fullgrad").map(of: function, at: Tensor([0.7], shape: [1, 1]))
    #expect(abs(map.completenessError) < 1e-14)
    #expect(abs(map.sum - 2.7 / (1 + 0.49658530379140953)) < 1e-12)
  }
}
