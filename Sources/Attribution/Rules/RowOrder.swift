package import Graphs
import Operators
import Tensors

extension Graph {
  /// - Throws: `ModelError` that names a node whose output does not hold its rows one behind the other.
  func requireRows(_ count: Int, from inputs: [Value]) throws(ModelError) {
    for (node, varying) in nodes(after: inputs)
    where !node.keepsRows(count, of: varying, in: self) {
      throw ModelError(
        "mean gradients are not defined for node '\(node.name)' (\(node.operatorName)), or not known to "
          + "be", kind: .usage)
    }
  }

  /// Whether it is known that each row of every output is computed from the same row of the input alone,
  /// and in the same way as every other row, whatever finite numbers it holds.
  ///
  /// - Parameter count: the rows of the input.
  package func treatsRowsAlike(_ count: Int, from input: Value) -> Bool {
    outputs.allSatisfy { type(of: $0)?.shape.first == count && depends($0, on: input) }
      && nodes(after: [input]).allSatisfy { $0.treatsRowsAlike(count, of: $1, in: self) }
  }

  /// The nodes that some values reach, and by which of their inputs.
  private func nodes(after inputs: [Value]) -> [(node: Node, varying: [Int])] {
    var depends = [Bool](repeating: false, count: records.count)
    for input in inputs { depends[input.index] = true }
    return nodes.compactMap { node in
      let varying = node.inputs.indices.filter {
        node.inputs[$0].map { depends[$0.index] } ?? false
      }
      guard !varying.isEmpty else { return nil }
      for output in node.outputs { depends[output.index] = true }
      return (node, varying)
    }
  }
}

extension Node {
  /// Whether each output holds what it computes from the rows of a batch in as many equal parts, one
  /// behind the other in row-major order, if the operands at `varying` do.
  fileprivate func keepsRows(_ count: Int, of varying: [Int], in graph: Graph) -> Bool {
    func shape(_ value: Value?) -> Shape? { value.flatMap { graph.type(of: $0)?.shape } }
    guard let result = shape(outputs[0]), let first = result.first, first % count == 0 else {
      return false
    }
    if ["Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"].contains(operatorName) {
      return true
    }
    let operands = varying.compactMap { shape(inputs[$0]) }
    if let reduction = operation as? any ReductionOperator, let x = operands.first {
      let given = inputs.dropFirst().compactMap { $0.flatMap(graph.storedConstant) }
      let axes = try? reduction.form.axes(given.first?.doubles.map { Int($0) }, rank: x.rank)
      return given.count == inputs.count - 1 && axes.map { !$0.contains(0) } ?? false
    }
    guard operands.allSatisfy({ $0.rank == result.rank && $0.first == first }) else { return false }
    if isElementwise || activates { return true }
    switch operation {
    case let transpose as Transpose: return transpose.permutation?.first == 0
    case let product as Gemm: return !varying.contains(1) && !product.transposingA
    // A vector on the left is one row, whose elements the product adds up.
    case is MatMul: return varying == [0] ? result.rank > 1 : result.rank > 2
    case let gather as Gather:
      return varying == [0] && gather.axis != 0 && gather.axis != -result.rank
    case is Slice:
      let steps = inputs.dropFirst(4).compactMap { $0.flatMap(graph.storedConstant) }
      return varying == [0] && steps.allSatisfy { $0.doubles.allSatisfy { $0 > 0 } }
        && steps.count == inputs.dropFirst(4).count
    default: return Self.rowKeepers.contains(operatorName)
    }
  }

  /// Whether each row of the output is computed from the same rows of the operands at `varying` alone, and
  /// in the same way as every other row.
  fileprivate func treatsRowsAlike(_ count: Int, of varying: [Int], in graph: Graph) -> Bool {
    func shape(_ value: Value?) -> Shape? { value.flatMap { graph.type(of: $0)?.shape } }
    guard outputs.count == 1, let result = shape(outputs[0]), result.first == count,
      keepsRows(count, of: varying, in: graph)
    else { return false }
    // What all rows are computed with is stretched to them.
    let areShared = inputs.indices.filter { !varying.contains($0) }.allSatisfy { index in
      guard let other = shape(inputs[index]) else { return inputs[index] == nil }
      // Before opset 7 an attribute says from which dimension on.
      let isTrailing = graph.opset >= 7 || other.elementCount == 1
      return isTrailing && (other.rank < result.rank || other.first == 1)
    }
    if Self.rowwise.contains(operatorName) || activates { return areShared }
    guard varying == [0] else { return false }
    switch operation {
    case is Gemm:
      return shape(inputs.count > 2 ? inputs[2] : nil).map { $0.rank < 2 || $0[0] == 1 } ?? true
    case is MatMul: return shape(inputs[1])?.rank == 2
    default: return Self.layers.contains(operatorName)
    }
  }

  private static let rowKeepers: Set = [
    "Add", "AveragePool", "BatchNormalization", "Concat", "Conv", "ConvTranspose", "DepthToSpace",
    "Div", "GlobalAveragePool", "GlobalMaxPool", "LRN", "Max", "MaxPool", "Mean", "Min", "Mul",
    "Neg",
    "Pad", "Resize", "SpaceToDepth", "Split", "Sub", "Sum", "Upsample",
  ]

  /// Operators of several operands, and numbers, that are defined everywhere.
  private static let rowwise: Set = [
    "Abs", "Add", "Concat", "Max", "Mean", "Min", "Mul", "Neg", "Sub", "Sum",
  ]

  /// Those of one operand, beside which there are parameters.
  private static let layers: Set = [
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "Flatten", "GlobalAveragePool",
    "GlobalMaxPool", "Identity", "LRN", "MaxPool", "ReduceMax", "ReduceMean",
    "ReduceMin", "ReduceSum", "Reshape", "Squeeze", "Unsqueeze",
  ]
}
