package import Graphs
import Tensors

/// Gradients that meet are added by `Sum`.
extension Accumulate: Lowerable {
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    if context.inputs.count == 2 { return try context.write(Add.self, context.inputs, [:]) }
    return try context.write(Sum.self, context.inputs, [:])
  }
}

/// Dimensions in front are summed away, stretched ones to an extent of 1.
extension SumToShape: Lowerable {
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let whole = try context.shape(of: x)
    let added = whole.rank - shape.rank
    let stretched = shape.indices.filter { shape[$0] != whole[$0 + added] }
    var sum = x
    if !stretched.isEmpty {
      let operation = ReduceSum(axes: stretched.map { $0 + added }, keepDimensions: true)
      sum = try context.append(operation, sum)
    }
    if added > 0 {
      sum = try context.append(ReduceSum(axes: Array(0..<added), keepDimensions: false), sum)
    }
    return [sum == x ? try context.append(Identity(), x) : sum]
  }
}

/// Repeating is what `Expand` does.
extension StretchToShape: Lowerable {
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    [try context.append(Expand(), try context.input(0), context.integers(shape.dimensions))]
  }
}
