package import Graphs
import Tensors

/// A model as the contents of files.
package struct EncodedModel: Sendable {
  /// The ModelProto.
  package let model: WireWriter
  /// What belongs in the file of external data, in order; empty if the model holds all its data.
  package let externalData: [WireWriter.Piece]
}

extension Graph {
  /// This graph as an ONNX file that keeps what `source`, the file that it was made from, says beside
  /// its graph.
  ///
  /// Messages end at 2 GiB, so a larger model has its tensors in a file beside it:
  /// <https://onnx.ai/onnx/repo-docs/ExternalData.html>.
  ///
  /// - Parameters:
  ///   - metadata: added to the metadata of `source`, in whose place it comes where keys are equal.
  ///   - externalName: the name of the file beside the model's, used where it is needed.
  ///   - limit: bytes that the message may have.
  /// - Throws: `ModelError` that names a node which no file of the graph's opset can hold.
  package func encoded(
    like source: ModelMessage, metadata: [String: String] = [:], externalName: String,
    limit: Int = (1 << 31) - (1 << 20)
  ) throws(ModelError) -> EncodedModel {
    var encoder = GraphEncoder(self, like: source, externalName: nil)
    let inline = try encoder.model(metadata)
    guard inline.count > limit else { return EncodedModel(model: inline, externalData: []) }
    encoder = GraphEncoder(self, like: source, externalName: externalName)
    let model = try encoder.model(metadata)
    return EncodedModel(model: model, externalData: encoder.externalData)
  }
}

/// Writes the messages of one model.
private struct GraphEncoder {
  let graph: Graph
  let source: ModelMessage
  /// Where tensors go that are not small; nil to keep all in the message.
  let externalName: String?
  private(set) var externalData: [WireWriter.Piece] = []
  private var externalCount = 0

  /// The nodes of the source by their outputs, for what it notes of them.
  private let sourceNodes: [String: NodeMessage]

  /// Tensors of fewer bytes stay in the message.
  private static let externalFrom = 1024
  /// External tensors start at multiples of this many bytes, so that they can be mapped.
  private static let alignment = 4096
  /// The oldest version in which initializers need not be inputs as well.
  private static let oldestIRVersion = 4

  init(_ graph: Graph, like source: ModelMessage, externalName: String?) {
    self.graph = graph
    self.source = source
    self.externalName = externalName
    self.sourceNodes = Dictionary(
      source.graph.nodes.flatMap { node in node.outputs.map { ($0, node) } },
      uniquingKeysWith: { first, _ in first })
  }

  mutating func model(_ added: [String: String]) throws(ModelError) -> WireWriter {
    var model = WireWriter()
    model.write(1, max(source.irVersion, Self.oldestIRVersion))
    model.write(2, nonempty: source.producerName)
    model.write(3, nonempty: source.producerVersion)
    model.write(4, nonempty: source.domain)
    if source.version != 0 { model.write(5, source.version) }
    model.write(6, nonempty: source.documentation)
    let contents = try self.contents()
    model.write(7, contents)
    model.write(8) { $0.write(2, graph.opset) }
    model.write(14, entries: source.metadata.merging(added) { $1 })
    return model
  }

  private mutating func contents() throws(ModelError) -> WireWriter {
    var message = WireWriter()
    var names: Set<String> = []
    for node in graph.nodes {
      // Names were made up for nodes without one; some engines take no name twice.
      var name = node.name
      while !names.insert(name).inserted { name += "_" }
      try write(node, named: name, to: &message)
    }
    message.write(2, nonempty: source.graph.name)
    for value in graph.values {
      guard let constant = graph.storedConstant(of: value) else { continue }
      write(constant, named: graph.name(of: value), to: &message)
    }
    message.write(10, nonempty: source.graph.documentation)
    for value in graph.inputs { write(11, value, source.graph.inputs, to: &message) }
    for value in graph.outputs { write(12, value, source.graph.outputs, to: &message) }
    message.write(16, entries: source.graph.metadata)
    return message
  }

  private func write(
    _ node: Node, named name: String, to message: inout WireWriter
  ) throws(ModelError) {
    let specification = type(of: node.operation).specification
    guard let attributes = node.attributes, specification.domain.isEmpty else {
      throw ModelError(
        "it cannot be written in opset \(graph.opset); export the model in the opset of its functions",
        node: node.label(opset: graph.opset))
    }
    let original = node.outputs.lazy.compactMap { sourceNodes[graph.name(of: $0)] }.first
    message.write(1) { item in
      for input in node.inputs { item.write(1, input.map { graph.name(of: $0) } ?? "") }
      for output in node.outputs { item.write(2, graph.name(of: output)) }
      item.write(3, name)
      item.write(4, specification.name)
      for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
        item.write(5) { $0.write(attribute: name, value) }
      }
      item.write(6, nonempty: original?.documentation ?? "")
      item.write(9, entries: original?.metadata ?? [:])
    }
  }

  private mutating func write(
    _ constant: Tensor, named name: String, to message: inout WireWriter
  ) {
    guard let externalName, constant.byteCount >= Self.externalFrom else {
      message.write(5) { constant.encode(named: name, to: &$0) }
      return
    }
    let gap = (Self.alignment - externalCount % Self.alignment) % Self.alignment
    if gap > 0 { externalData.append(.bytes([UInt8](repeating: 0, count: gap))) }
    let offset = externalCount + gap
    externalData.append(.elements(constant))
    externalCount = offset + constant.byteCount
    message.write(5) { item in
      for extent in constant.shape { item.write(1, extent) }
      item.write(2, constant.elementType.onnxNumber)
      item.write(8, name)
      item.write(13, key: "location", externalName)
      item.write(13, key: "offset", String(offset))
      item.write(13, key: "length", String(constant.byteCount))
      item.write(14, 1)
    }
  }

  /// An input or output with the type that the source declares, or the graph where it is not there.
  private func write(
    _ field: Int, _ value: Value, _ declared: [ValueMessage], to message: inout WireWriter
  ) {
    let name = graph.name(of: value)
    let type = declared.first { $0.name == name }?.type ?? graph.declaredType(of: value)
    message.write(field) { item in
      item.write(1, name)
      guard let type else { return }
      item.write(2) { kind in
        kind.write(1) { tensor in
          tensor.write(1, type.elementType.onnxNumber)
          guard let dimensions = type.dimensions else { return }
          tensor.write(2) { shape in
            for dimension in dimensions { shape.write(1) { $0.write(dimension) } }
          }
        }
      }
    }
  }
}

extension WireWriter {
  fileprivate mutating func write(_ field: Int, nonempty text: String) {
    if !text.isEmpty { write(field, text) }
  }

  fileprivate mutating func write(_ field: Int, key: String, _ value: String) {
    write(field) { entry in
      entry.write(1, key)
      entry.write(2, value)
    }
  }

  fileprivate mutating func write(_ field: Int, entries: [String: String]) {
    for (key, value) in entries.sorted(by: { $0.key < $1.key }) { write(field, key: key, value) }
  }

  fileprivate mutating func write(_ dimension: Dimension) {
    switch dimension {
    case .fixed(let extent): write(1, extent)
    case .symbolic(let name): write(2, nonempty: name)
    }
  }

  /// The fields of an AttributeProto.
  fileprivate mutating func write(attribute name: String, _ value: AttributeValue) {
    write(1, name)
    let kind: Int
    switch value {
    case .float(let number):
      kind = 1
      write(2, Float(number))
    case .int(let number):
      kind = 2
      write(3, number)
    case .string(let text):
      kind = 3
      write(4, text)
    case .tensor(let tensor):
      kind = 4
      write(5) { tensor.encode(to: &$0) }
    case .floats(let numbers):
      kind = 6
      for number in numbers { write(7, Float(number)) }
    case .ints(let numbers):
      kind = 7
      for number in numbers { write(8, number) }
    case .strings(let texts):
      kind = 8
      for text in texts { write(9, text) }
    }
    write(20, kind)
  }
}
