import Graphs
import Tensors

/// A model as the contents of files.
package struct EncodedModel: Sendable {
  /// The ModelProto.
  package let model: WireWriter
  /// What belongs in the file of external data, in order; empty if the model holds all its data.
  package let externalData: [WireWriter.Piece]
}

extension ModelMessage {
  /// Bytes that a message may have, with room for a digest or two below protobuf's 2 GiB.
  package static let largest = (1 << 31) - (1 << 20)

  /// This model as an ONNX file of standard operators.
  ///
  /// Messages end at 2 GiB, so a larger model has its tensors in a file beside it:
  /// <https://onnx.ai/onnx/repo-docs/ExternalData.html>.
  ///
  /// - Parameters:
  ///   - externalName: the name of the file beside the model's, used where it is needed.
  ///   - limit: bytes that the message may have.
  package func encoded(externalName: String, limit: Int = largest) -> EncodedModel {
    var encoder = MessageEncoder(externalName: nil)
    let inline = encoder.model(self)
    guard inline.count > limit else { return EncodedModel(model: inline, externalData: []) }
    encoder = MessageEncoder(externalName: externalName)
    let model = encoder.model(self)
    return EncodedModel(model: model, externalData: encoder.externalData)
  }
}

/// Writes the messages of one model.
private struct MessageEncoder {
  /// Where tensors go that are not small; nil to keep all in the message.
  let externalName: String?
  private(set) var externalData: [WireWriter.Piece] = []
  private var externalCount = 0

  /// Tensors of fewer bytes stay in the message.
  private static let externalFrom = 1024
  /// External tensors start at multiples of this many bytes, so that they can be mapped.
  private static let alignment = 4096
  /// The oldest version in which initializers need not be inputs as well.
  private static let oldestIRVersion = 4

  init(externalName: String?) { self.externalName = externalName }

  mutating func model(_ source: ModelMessage) -> WireWriter {
    var model = WireWriter()
    model.write(1, max(source.irVersion, Self.oldestIRVersion))
    model.write(2, nonempty: source.producerName)
    model.write(3, nonempty: source.producerVersion)
    model.write(4, nonempty: source.domain)
    if source.version != 0 { model.write(5, source.version) }
    model.write(6, nonempty: source.documentation)
    let contents = graph(source.graph)
    model.write(7, contents)
    for (domain, opset) in source.opsets.sorted(by: { $0.key < $1.key }) {
      model.write(8) { item in
        item.write(1, nonempty: domain)
        item.write(2, opset)
      }
    }
    model.write(14, entries: source.metadata)
    return model
  }

  private mutating func graph(_ graph: GraphMessage) -> WireWriter {
    var message = WireWriter()
    var names: Set<String> = []
    for node in graph.nodes {
      // Names were made up for nodes without one; some engines take no name twice.
      var name = node.name
      while !names.insert(name).inserted { name += "_" }
      let node = self.node(node, named: name)
      message.write(1, node)
    }
    message.write(2, nonempty: graph.name)
    for initializer in graph.initializers {
      write(initializer.tensor, named: initializer.name, to: &message)
    }
    message.write(10, nonempty: graph.documentation)
    for input in graph.inputs { message.write(11) { $0.write(input) } }
    for output in graph.outputs { message.write(12) { $0.write(output) } }
    message.write(16, entries: graph.metadata)
    return message
  }

  private mutating func node(_ node: NodeMessage, named name: String) -> WireWriter {
    var item = WireWriter()
    for input in node.inputs { item.write(1, input) }
    for output in node.outputs { item.write(2, output) }
    item.write(3, name)
    item.write(4, node.operatorName)
    for (name, attribute) in node.attributes.sorted(by: { $0.key < $1.key }) {
      switch attribute {
      case .value(let value): item.write(5) { $0.write(attribute: name, value) }
      case .graph(let graph):
        let body = self.graph(graph)
        item.write(5) { item in
          item.write(1, name)
          item.write(6, body)
          item.write(20, 5)
        }
      case .reference, .unsupported: continue
      }
    }
    item.write(6, nonempty: node.documentation)
    item.write(9, entries: node.metadata)
    return item
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
}

extension WireWriter {
  fileprivate mutating func write(_ field: Int, nonempty text: String) {
    if !text.isEmpty { write(field, text) }
  }

  /// The fields of a ValueInfoProto.
  fileprivate mutating func write(_ value: ValueMessage) {
    write(1, value.name)
    guard let type = value.type else { return }
    write(2) { kind in
      kind.write(1) { tensor in
        tensor.write(1, type.elementType.onnxNumber)
        guard let dimensions = type.dimensions else { return }
        tensor.write(2) { shape in
          for dimension in dimensions { shape.write(1) { $0.write(dimension) } }
        }
      }
    }
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
