import Graphs
import ONNXFormat
import Rewrites
import Tensors

/// What goes in and comes out of an exported model.
extension ExplainedGraph {
  /// The inputs of the model, and the target if the caller names it.
  var inputPorts: [ValueMessage] {
    let graph = plan.model.graph
    var ports = graph.inputs.indices.map { index in
      port(
        graph.name(of: graph.inputs[index]), plan.model.inputs[index].elementType,
        plan.graphs.inputExtents[index])
    }
    if plan.options.target == .input { ports.append(port(names.target, .int64, [row])) }
    return ports
  }

  /// The outputs of the model, then the attribution, the target that was chosen, its score and the
  /// completeness error.
  var outputPorts: [ValueMessage] {
    let graph = plan.graphs.whole.graph
    let scores = graph.outputs.first.flatMap { graph.type(of: $0) }?.elementType
    let explained = plan.model.inputs[plan.explained].elementType
    let own = zip(graph.outputs.dropFirst(), plan.model.graph.outputs)
    var ports = own.enumerated().map { index, values in
      port(
        plan.model.graph.name(of: values.1), graph.type(of: values.0)?.elementType,
        plan.graphs.outputExtents[index])
    }
    ports.append(port(names.attribution, explained, plan.graphs.inputExtents[plan.explained]))
    if plan.options.target != .input { ports.append(port(names.target, .int64, [row])) }
    ports.append(port(names.score, scores, [row]))
    if plan.method.explainsScores { ports.append(port(names.completenessError, scores, [row])) }
    return ports
  }

  /// An extent of one per sample.
  private var row: BatchExtent { plan.batchName == nil ? .fixed(plan.rows) : .samples }

  private func port(
    _ name: String, _ elementType: ElementType?, _ extents: [BatchExtent]
  ) -> ValueMessage {
    let dimensions = extents.map { extent -> Dimension in
      if extent.isFixed { return .fixed(extent.offset) }
      return .symbolic(extent == .samples ? plan.batchName ?? "" : "")
    }
    return ValueMessage(name, DeclaredType(elementType ?? .float32, dimensions))
  }
}
