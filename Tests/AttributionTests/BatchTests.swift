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
    _ dimensions: [Dimension], shape: Shape = [1, 2],
    example: Tensor? = nil, mix: (inout GraphBuilder, Value) -> Value = { $1 }
  ) throws -> ModelFunction {
    var builder = GraphBuilder()
    let x = builder.input("x", declared: DeclaredType(.float64, dimensions))
    let mixed = mix(&builder, x)
    let square = node(Mul(), [mixed, mixed], &builder)
    let sum = ReduceSum(axes: [-1], keepDimensions: true)
    builder.setOutputs([node(sum, [square], &builder)])
    return try ModelFunction(
      builder.graph, explaining: 0, shape: shape, example: example, in: Workspace())
  }

  private func node(
    _ operation: any Operator, _ inputs: [Value], _ builder: inout GraphBuilder
  ) -> Value {
    builder.appendUntyped(
      operation, inputs.map(Optional.some), name: "node", outputNames: ["value"])[0]
  }

  private func expectGradients(of function: ModelFunction) throws {
    let points = Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2])
    let (scores, gradients) = try function.gradients(
      at: points, targets: Array(repeating: 0, count: points.shape[0]))
    #expect(scores == [5, 25, 61])
    #expect(gradients.elements(as: Double.self) == [2, 4, 6, 8, 10, 12])
  }

  @Test func anOpenFirstDimensionTakesBatches() throws {
    let function = try function([.symbolic("batch"), .fixed(2)])
    #expect(function.hasBatches && function.batchSize == 16)
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
    #expect(function.passes.forward == 3)
  }

  /// y sums over all rows so far: with three rows the input is one sample of three by two.
  @Test func aModelThatMixesRowsTakesItsInputWhole() throws {
    let function = try function([.symbolic("length"), .fixed(2)], shape: [3, 2]) { builder, x in
      let axis = builder.constant(Tensor(scalar: Int64(0)))
      let sum = CumSum(axis: 0, exclusive: false, reverse: false)
      return self.node(sum, [x, axis], &builder)
    }
    #expect(!function.hasBatches && function.pointShape == [3, 2])
    // The last score is (x0 + x2 + x4)^2 + (x1 + x3 + x5)^2.
    let (scores, gradients) = try function.gradients(
      at: Tensor([1.0, 2, 3, 4, 5, 6], shape: [1, 3, 2]), targets: [2])
    #expect(scores == [225])
    #expect(gradients.elements(as: Double.self) == [18, 24, 18, 24, 18, 24])
  }

  @Test func aFixedBatchThatMixesRowsTakesItsInputWhole() throws {
    let function = try function([.fixed(3), .fixed(2)], shape: [3, 2]) { builder, x in
      let mean = ReduceMean(axes: [0], keepDimensions: true)
      return self.node(Mul(), [x, self.node(mean, [x], &builder)], &builder)
    }
    #expect(!function.hasBatches)
  }

  /// Noise has no logarithm, and a score that is no number wherever a row stands is no sign of mixing.
  @Test(arguments: [0.0, 50])
  func aModelThatIsNotDefinedForNoise(shift: Double) throws {
    func logarithm(_ builder: inout GraphBuilder, _ x: Value) -> Value {
      let shift = builder.constant(Tensor([shift, shift], shape: [1, 2]))
      return node(Log(), [node(Sub(), [x, shift], &builder)], &builder)
    }
    let dimensions: [Dimension] = [.symbolic("batch"), .fixed(2)]
    let example = Tensor([60.0, 70], shape: [1, 2])
    let function = try function(dimensions, example: example, mix: logarithm)
    #expect(function.hasBatches && function.batchSize == 16)
    try function.makeRowsExact()
    #expect(function.batchSize == 16)
    let mixing = try self.function(dimensions, example: example) { builder, x in
      let y = logarithm(&builder, x)
      let mean = ReduceMean(axes: [0], keepDimensions: true)
      return self.node(Add(), [y, self.node(mean, [y], &builder)], &builder)
    }
    #expect(!mixing.hasBatches)
  }

  /// Without a single number there is nothing to tell by.
  @Test func aModelThatIsDefinedNowhere() throws {
    let function = try function([.symbolic("batch"), .fixed(2)]) { builder, x in
      let ten = builder.constant(Tensor([10.0, 10], shape: [1, 2]))
      return self.node(Log(), [self.node(Sub(), [x, ten], &builder)], &builder)
    }
    #expect(!function.hasBatches)
  }

  /// Some of the scores are no numbers: the others tell.
  @Test func aModelThatIsNotDefinedInPart() throws {
    for isMixed in [false, true] {
      var builder = GraphBuilder()
      let declared = DeclaredType(.float64, [.symbolic("batch"), .fixed(2)])
      let x = builder.input("x", declared: declared)
      let offsets = builder.constant(Tensor([10.0, 10], shape: [1, 2]))
      let root = node(Sqrt(), [node(Sub(), [x, offsets], &builder)], &builder)
      let mean = node(ReduceMean(axes: [0], keepDimensions: true), [x], &builder)
      let sum = isMixed ? node(Add(), [x, mean], &builder) : x
      builder.setOutputs([node(Concat(axis: 1), [root, sum], &builder)])
      let function = try ModelFunction(
        builder.graph, explaining: 0, shape: [1, 2], in: Workspace())
      #expect(function.hasBatches != isMixed)
    }
  }

  /// An output without a batch dimension has the scores of one sample.
  @Test func anOutputWithoutRowsIsNotTakenForOneOfThem() throws {
    var builder = GraphBuilder()
    let declared = DeclaredType(.float64, [.fixed(1), .fixed(3)])
    let x = builder.input("x", declared: declared)
    let square = node(Mul(), [x, x], &builder)
    builder.setOutputs([
      node(ReduceSum(axes: [0], keepDimensions: false), [square], &builder)
    ])
    let function = try ModelFunction(
      builder.graph, explaining: 0, shape: [1, 3], in: Workspace())
    let point = Tensor([1.0, 2, 3], shape: [1, 1, 3])
    #expect(try function.scores(at: point) == [[1, 4, 9]])
    #expect(
      try function.gradients(at: point, targets: [1]).gradients.elements(as: Double.self)
        == [0, 4, 0])
  }

  @Test func aModelWithoutBatchesTakesItsInputWhole() throws {
    let function = try function([.fixed(2)], shape: [2])
    let (scores, gradients) = try function.gradients(
      at: Tensor([1.0, 2], shape: [1, 2]), targets: [0])
    #expect(scores == [5])
    #expect(gradients.elements(as: Double.self) == [2, 4])
  }

  @Test func aScoreWithoutDerivativeIsRefused() throws {
    var builder = GraphBuilder()
    let declared = DeclaredType(.float64, [.symbolic("batch"), .fixed(2)])
    let x = builder.input("x", declared: declared)
    builder.setOutputs([node(Floor(), [x], &builder)])
    do {
      _ = try ModelFunction(builder.graph, explaining: 0, shape: [1, 2], in: Workspace())
      Issue.record("a gradient that is nowhere was accepted")
    } catch {
      #expect("\(error)".contains("no gradient of 'value' reaches 'x'"))
    }
  }

  @Test func aTargetOutOfRangeIsRefused() throws {
    let function = try function([.symbolic("batch"), .fixed(2)])
    #expect(throws: ModelError.self) {
      try function.gradients(at: Tensor([1.0, 2], shape: [1, 2]), targets: [1])
    }
  }

  @Test func anIntegerInputHasNoGradient() throws {
    var builder = GraphBuilder()
    let tokens = builder.input("tokens", declared: DeclaredType(.int64, [.fixed(1), .fixed(2)]))
    builder.setOutputs([tokens])
    do {
      _ = try ModelFunction(builder.graph, explaining: 0, shape: [1, 2], in: Workspace())
      Issue.record("an integer input was accepted")
    } catch {
      #expect("\(error)".contains("--layer"))
    }
  }

  /// The scores (Σ x m)² of each row, m mixed or not; m is held at ones.
  private func gated(
    _ mix: (inout GraphBuilder, Value) -> Value = { $1 }
  ) throws -> ModelFunction {
    var builder = GraphBuilder()
    let declared = DeclaredType(.float64, [.symbolic("batch"), .fixed(2)])
    let (x, m) = (builder.input("x", declared: declared), builder.input("m", declared: declared))
    let sum = ReduceSum(axes: [-1], keepDimensions: true)
    let product = node(Mul(), [x, mix(&builder, m)], &builder)
    let total = node(sum, [product], &builder)
    builder.setOutputs([node(Mul(), [total, total], &builder)])
    return try ModelFunction(
      builder.graph, explaining: 0, shape: [1, 2],
      fixed: [1: Tensor([1.0, 1], shape: [1, 2])], batching: .padded, in: Workspace())
  }

  private let gates = [[1.0, 0], [0, 2], [-1, 3]].map { [1: Tensor($0, shape: [1, 2])] }

  @Test func otherInputsDifferFromRowToRow() throws {
    let function = try gated()
    #expect(try function.batchSize > 1 && function.stacks(gates))
    let points = Tensor([1.0, 2, 3, 4, 5, 6], shape: [3, 2])
    #expect(try function.scores(at: points, beside: gates) == [[1], [64], [169]])
    #expect(try function.scores(at: points) == [[9], [49], [121]])
    let (scores, gradients) = try function.gradients(
      at: points, targets: [0, 0, 0], beside: gates)
    #expect(scores == [1, 64, 169])
    #expect(gradients.doubles == [2, 0, 0, 32, -26, 78])
    #expect(try function.dependencies(among: [1, 7]) == [1])
  }

  /// y = x Σ m over all rows is the same for each row as long as they have one m; a single row is not
  /// filled up then.
  @Test func otherInputsThatMixDoNotStack() throws {
    let sum = ReduceSum(axes: [0], keepDimensions: true)
    let function = try gated { builder, m in node(sum, [m], &builder) }
    #expect(try function.batchSize > 1 && !function.stacks(gates))
    #expect(try function.stacks([gates[0]]))
    let point = Tensor([1.0, 2], shape: [1, 2])
    let rows = Double(function.batchSize)
    #expect(try function.scores(at: point, beside: [gates[1]]) == [[16 * rows * rows]])
    function.padsSingles = false
    #expect(try function.scores(at: point, beside: [gates[1]]) == [[16]])
  }
}
