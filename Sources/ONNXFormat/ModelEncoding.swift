package import Graphs
import Tensors

extension Graph {
  /// This graph as an ONNX file that keeps what `source`, the file that it was made from, says beside
  /// its graph.
  ///
  /// - Parameters:
  ///   - metadata: added to the metadata of `source`, in whose place it comes where keys are equal.
  ///   - externalName: the name of the file beside the model's, used where it is needed.
  ///   - limit: bytes that the message may have.
  /// - Throws: `ModelError` that names a node which no file of the graph's opset can hold.
  package func encoded(
    like source: ModelMessage, metadata: [String: String] = [:], externalName: String,
    limit: Int = ModelMessage.largest
  ) throws(ModelError) -> EncodedModel {
    var model = source
    model.opsets = ["": opset]
    model.metadata.merge(metadata) { $1 }
    model.functions = []
    model.graph = try message(like: source.graph)
    return model.encoded(externalName: externalName, limit: limit)
  }

  private func message(like source: GraphMessage) throws(ModelError) -> GraphMessage {
    let known = Dictionary(
      source.nodes.flatMap { node in node.outputs.map { ($0, node) } },
      uniquingKeysWith: { first, _ in first })
    var message = source
    message.nodes = []
    for node in nodes {
      var item = try node.message(in: self) { name(of: $0) }
      let original = node.outputs.lazy.compactMap { known[name(of: $0)] }.first
      item.documentation = original?.documentation ?? ""
      item.metadata = original?.metadata ?? [:]
      message.nodes.append(item)
    }
    message.initializers = values.compactMap { value in
      storedConstant(of: value).map { InitializerMessage(name: name(of: value), tensor: $0) }
    }
    message.inputs = inputs.map { port($0, source.inputs) }
    message.outputs = outputs.map { port($0, source.outputs) }
    return message
  }

  /// An input or output with the type that the source declares, or the graph where it is not there.
  private func port(_ value: Value, _ declared: [ValueMessage]) -> ValueMessage {
    let name = name(of: value)
    let type = declared.first { $0.name == name }?.type ?? declaredType(of: value)
    return ValueMessage(name, type)
  }
}

extension Node {
  /// This node as a file holds it, its values under these names.
  ///
  /// - Throws: `ModelError` that names the node if no file of the graph's opset can hold it.
  package func message(
    in graph: Graph, naming name: (Value) -> String
  ) throws(ModelError) -> NodeMessage {
    let specification = type(of: operation).specification
    guard let attributes, specification.domain.isEmpty else {
      throw ModelError(
        "it cannot be written in opset \(graph.opset); export the model in the opset of its functions",
        node: label(opset: graph.opset))
    }
    return NodeMessage(
      name: self.name, operatorName: specification.name,
      inputs: inputs.map { $0.map(name) ?? "" }, outputs: outputs.map(name),
      attributes: attributes.mapValues(AttributeMessage.value))
  }
}
