import Attribution
import Graphs
import Kernels
import Operators
import Tensors
import Testing

/// What models say of their first dimension, and what they do with it.
@Suite struct BatchTests {
  /// The sum of squares of each row of two elements, plus whatever `mix` makes of the rows.
  private func function(
    _ dimensions: [Dimension], pointShape: Shape = [2],
    mix: (inout GraphBuilder, Value) -> Value = { $1 }
  ) throws -> ModelFunction {
    var builder = GraphBuilder()
    let x = builder.input("x", declared: DeclaredType(.float64, dimensions))
    let mixed = mix(&builder, x)
    let square = node(Mul(), [mixed, mixed], &builder)
    let sum = ReduceSum(axes: [-1], keepDimensions: true)
    builder.setOutputs([node(sum, [square], &builder)])
    return try ModelFunction(
      builder.graph, explaining: 0, pointShape: pointShape, in: Workspace())
  }

  private func node(
    _ operation: any Operator, _ inputs: [Value], _ builder: inout GraphBuilder
  ) -> Value {
    builder.appendUntyped(
      operation, inputs.map(Optional.some), name: "node", outputNames: ["value"])[0]
  }

  private func expectGradients(of function: ModelFunction) throws {
    let points = Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2])
    let (scores, gradients) = try function.gradients(at: points, target: 0)
    #expect(scores == [5, 25, 61])
    #expect(gradients.elements(as: Double.self) == [2, 4, 6, 8, 10, 12])
  }

  @Test func anOpenFirstDimensionTakesBatches() throws {
    let function = try function([.symbolic("batch"), .fixed(2)])
    #expect(function.rowsAreIndependent && function.batchSize == 16)
    try expectGradients(of: function)
  }

  @Test func aDeclaredBatchOfOneTakesMoreWhereRowsAreIndependent() throws {
    let function = try function([.fixed(1), .fixed(2)])
    #expect(function.batchSize == 16)
    try expectGradients(of: function)
  }

  @Test func aFixedBatchIsFilledUp() throws {
    let function = try function([.fixed(4), .fixed(2)])
    #expect(function.batchSize == 4)
    try expectGradients(of: function)
    #expect(function.passes.forward == 4)
  }

  @Test func rowsThatAreMixedRunAlone() throws {
    let function = try function([.symbolic("length"), .fixed(2)]) { builder, x in
      let axis = builder.constant(Tensor(scalar: Int64(0)))
      return self.node(CumSum(axis: 0, exclusive: false, reverse: false), [x, axis], &builder)
    }
    #expect(!function.rowsAreIndependent && function.batchSize == 1)
    try expectGradients(of: function)
  }

  @Test func aModelWithoutBatchesTakesItsInputWhole() throws {
    let function = try function([.fixed(2)])
    let (scores, gradients) = try function.gradients(
      at: Tensor([1.0, 2], shape: [1, 2]), target: 0)
    #expect(scores == [5])
    #expect(gradients.elements(as: Double.self) == [2, 4])
  }

  @Test func aTargetOutOfRangeIsRefused() throws {
    let function = try function([.symbolic("batch"), .fixed(2)])
    #expect(throws: ModelError.self) {
      try function.gradients(at: Tensor([1.0, 2], shape: [1, 2]), target: 1)
    }
  }

  @Test func anIntegerInputHasNoGradient() throws {
    var builder = GraphBuilder()
    let tokens = builder.input("tokens", declared: DeclaredType(.int64, [.fixed(1), .fixed(2)]))
    builder.setOutputs([tokens])
    do {
      _ = try ModelFunction(builder.graph, explaining: 0, pointShape: [2], in: Workspace())
      Issue.record("an integer input was accepted")
    } catch {
      #expect("\(error)".contains("--layer"))
    }
  }
}
