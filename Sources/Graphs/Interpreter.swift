package import Kernels
package import Tensors

/// Runs a specialised graph, one node after the other.
///
/// An interpreter belongs to one thread, like its workspace. Tensors die at their last use; the plan
/// for that is made once.
package final class Interpreter {
  package let graph: Graph
  package let workspace: Workspace

  /// Told of every node that has run and the seconds that it took, by profilers.
  package var observer: ((Node, Double) -> Void)?

  /// Whether outputs are left in the layout that they were computed in.
  private let keepsLayouts: Bool

  private let peakBytes: Int
  /// Per node, those of its inputs and outputs that no later node reads.
  private let dying: [[Value]]
  /// Constants in the element type that the graph computes in, by value index.
  private var constants: [Tensor?]

  /// An interpreter of a graph whose values all have types.
  ///
  /// - Parameter keepsLayouts: whether outputs are left in the layout that they were computed in,
  ///   for another graph to go on with, instead of in row-major order.
  package init(_ graph: Graph, in workspace: Workspace, keepsLayouts: Bool = false) {
    self.graph = graph
    self.keepsLayouts = keepsLayouts
    self.workspace = workspace
    self.peakBytes = graph.peakBytes
    self.dying = graph.lastUses()
    self.constants = graph.values.map { graph.constant(of: $0) }
  }

  /// The outputs for these inputs.
  ///
  /// - Parameter inputs: one tensor per input of the graph, of exactly its type. One that nobody else
  ///   holds dies at its last use, like an intermediate value.
  /// - Throws: `ModelError` that names the input that does not fit or the node that fails.
  package func run(_ inputs: consuming [Tensor]) throws(ModelError) -> [Tensor] {
    try run(inputs, waiting: nil) { $0 }
  }

  /// The outputs for inputs of which the last is made from the first output, once that is known: the
  /// seed of a gradient, chosen by the scores.
  ///
  /// - Parameter inputs: all inputs but the last.
  /// - Throws: `ModelError` if the first output depends on the last input; what `lastInput` throws.
  package func run(
    _ inputs: consuming [Tensor],
    lastInput: (_ firstOutput: Tensor) throws(ModelError) -> Tensor
  ) throws(ModelError) -> [Tensor] {
    try run(inputs, waiting: graph.inputs.last, lastInput: lastInput)
  }

  private func run(
    _ inputs: consuming [Tensor], waiting last: Value?,
    lastInput: (_ firstOutput: Tensor) throws(ModelError) -> Tensor
  ) throws(ModelError) -> [Tensor] {
    guard peakBytes <= Workspace.memoryLimit else {
      throw ModelError(
        "a run needs \(peakBytes >> 20) MiB for intermediate values, this machine gives "
          + "\(Workspace.memoryLimit >> 20)")
    }
    var values = constants
    var waiting = last
    let bound = graph.inputs.dropLast(waiting == nil ? 0 : 1)
    try bind(inputs, to: Array(bound), in: &values)
    inputs = []
    let clock = ContinuousClock()
    let beginning = clock.now
    defer { workspace.runSeconds += (clock.now - beginning) / .seconds(1) }
    for (index, node) in graph.nodes.enumerated() {
      if let value = waiting, node.inputs.contains(value) {
        try complete(value, by: lastInput, in: &values)
        waiting = nil
      }
      let start = observer == nil ? nil : clock.now
      let operands = operands(of: node, from: &values, dying: dying[index])
      let outputs: [Tensor]
      do throws(OperatorError) {
        outputs = try node.operation.forward(operands, in: workspace)
      } catch {
        throw ModelError(error, in: node, of: graph)
      }
      for (value, tensor) in zip(node.outputs, outputs) where !dying[index].contains(value) {
        values[value.index] = tensor
      }
      if let start { observer?(node, (clock.now - start) / .seconds(1)) }
    }
    if let value = waiting { try complete(value, by: lastInput, in: &values) }
    return graph.outputs.compactMap { output in
      values[output.index].map { keepsLayouts ? $0 : workspace.rowMajor($0) }
    }
  }

  private func complete(
    _ input: Value, by content: (_ firstOutput: Tensor) throws(ModelError) -> Tensor,
    in values: inout [Tensor?]
  ) throws(ModelError) {
    guard let output = graph.outputs.first, let known = values[output.index] else {
      throw ModelError("the first output depends on the last input", kind: .fault)
    }
    try bind([try content(workspace.rowMajor(known))], to: [input], in: &values)
  }

  private func bind(
    _ tensors: [Tensor], to inputs: [Value], in values: inout [Tensor?]
  ) throws(ModelError) {
    guard tensors.count == inputs.count else {
      throw ModelError(
        "the graph has \(inputs.count) inputs, \(tensors.count) were given", kind: .usage)
    }
    for (value, tensor) in zip(inputs, tensors) {
      guard graph.type(of: value) == TensorType(of: tensor) else {
        let expected = graph.type(of: value)?.description ?? "an unknown type"
        throw ModelError(
          "input '\(graph.name(of: value))' takes \(expected), not \(tensor)", kind: .usage)
      }
      values[value.index] = tensor
    }
  }

  /// The operands of a node, which takes over those that nobody reads after it: it may compute in
  /// their memory if no other value shares that.
  private func operands(
    of node: Node, from values: inout [Tensor?], dying: [Value]
  ) -> [Tensor?] {
    if !node.operation.acceptsAnyLayout {
      for case let input? in node.inputs {
        if let tensor = values[input.index], tensor.layout != .rowMajor {
          values[input.index] = workspace.rowMajor(tensor)
        }
      }
    }
    workspace.forgetReusable()
    for value in dying where values[value.index]?.isOnlyOneOfStorage() ?? false {
      values[value.index].map(workspace.markReusable)
    }
    let operands = node.inputs.map { $0.flatMap { values[$0.index] } }
    for value in dying { values[value.index] = nil }
    return operands
  }
}

extension Graph {
  /// Per node, those of its inputs and outputs that no later node reads and no output is.
  func lastUses() -> [[Value]] {
    var isNeeded = [Bool](repeating: false, count: records.count)
    for output in outputs { isNeeded[output.index] = true }
    var dying: [[Value]] = Array(repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated().reversed() {
      dying[index] = node.outputs.filter { !isNeeded[$0.index] }
      for case let input? in node.inputs where !isNeeded[input.index] {
        isNeeded[input.index] = true
        dying[index].append(input)
      }
    }
    return dying
  }
}
