import CONNX
import Graphs
import Tensors

/// Turns decoded protobuf-c structures into Swift values. The only code that follows their pointers.
///
/// The wire scan has checked that text is UTF-8 and that counts match the arrays.
struct MessageReader {
  /// Decodes a tensor, whose data may lie in the mapped file or beside it.
  let tensor: (UnsafePointer<Onnx__TensorProto>) throws(ModelError) -> Tensor

  func model(_ message: Onnx__ModelProto) throws(ModelError) -> ModelMessage {
    guard let graph = message.graph?.pointee else {
      throw ModelError("the file holds no graph; is it an ONNX model?")
    }
    let opsets = try opsets(message.opset_import, message.n_opset_import)
    var functions: [FunctionMessage] = []
    for function in pointees(message.functions, message.n_functions) {
      functions.append(try self.function(function))
    }
    return ModelMessage(
      irVersion: Int(message.ir_version),
      producerName: Field.string(message.producer_name),
      producerVersion: Field.string(message.producer_version),
      domain: Field.string(message.domain), version: Int(message.model_version),
      documentation: Field.string(message.doc_string),
      opsets: opsets,
      metadata: metadata(message.metadata_props, message.n_metadata_props),
      graph: try self.graph(graph, opsets), functions: functions)
  }

  private func graph(
    _ message: Onnx__GraphProto, _ opsets: [String: Int]
  ) throws(ModelError) -> GraphMessage {
    var initializers: [InitializerMessage] = []
    for pointer in Field.messages(message.initializer, message.n_initializer) {
      initializers.append(
        InitializerMessage(name: Field.string(pointer.pointee.name), tensor: try tensor(pointer)))
    }
    for sparse in pointees(message.sparse_initializer, message.n_sparse_initializer) {
      initializers.append(try self.sparse(sparse))
    }
    return GraphMessage(
      name: Field.string(message.name), documentation: Field.string(message.doc_string),
      metadata: metadata(message.metadata_props, message.n_metadata_props),
      nodes: try nodes(message.node, message.n_node, opsets), initializers: initializers,
      inputs: try values(message.input, message.n_input),
      outputs: try values(message.output, message.n_output))
  }

  private func function(_ message: Onnx__FunctionProto) throws(ModelError) -> FunctionMessage {
    var defaults: [String: AttributeMessage] = [:]
    for attribute in pointees(message.attribute_proto, message.n_attribute_proto) {
      defaults[Field.string(attribute.name)] = try self.attribute(attribute)
    }
    let opsets = try opsets(message.opset_import, message.n_opset_import)
    return FunctionMessage(
      name: Field.string(message.name), domain: domain(message.domain),
      overload: Field.string(message.overload),
      inputs: Field.strings(message.input, message.n_input),
      outputs: Field.strings(message.output, message.n_output), defaults: defaults,
      nodes: try nodes(message.node, message.n_node, opsets))
  }

  private func nodes(
    _ messages: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__NodeProto>?>?, _ count: Int,
    _ opsets: [String: Int]
  ) throws(ModelError) -> [NodeMessage] {
    var nodes: [NodeMessage] = []
    nodes.reserveCapacity(count)
    for message in pointees(messages, count) {
      let domain = domain(message.domain)
      let outputs = Field.strings(message.output, message.n_output)
      var node = NodeMessage(
        name: Field.string(message.name), operatorName: Field.string(message.op_type),
        domain: domain,
        overload: Field.string(message.overload),
        inputs: Field.strings(message.input, message.n_input),
        outputs: outputs, attributes: [:], opset: opsets[domain],
        documentation: Field.string(message.doc_string),
        metadata: metadata(message.metadata_props, message.n_metadata_props))
      if node.name.isEmpty {
        node.name = outputs.first { !$0.isEmpty } ?? "\(node.operatorName)_\(nodes.count)"
      }
      for attribute in pointees(message.attribute, message.n_attribute) {
        let name = Field.string(attribute.name)
        guard node.attributes[name] == nil else {
          throw ModelError("attribute '\(name)' is given twice", node: node.label)
        }
        do throws(ModelError) {
          node.attributes[name] = try self.attribute(attribute)
        } catch {
          throw ModelError(error.reason, kind: error.kind, file: error.file, node: node.label)
        }
      }
      nodes.append(node)
    }
    return nodes
  }

  private func attribute(_ message: Onnx__AttributeProto) throws(ModelError) -> AttributeMessage {
    let reference = Field.string(message.ref_attr_name)
    guard reference.isEmpty else { return .reference(reference) }
    switch kind(of: message) {
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT: return .value(.float(Double(message.f)))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT: return .value(.int(Int(message.i)))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING:
      guard let text = Field.text(message.s) else { return .unsupported("string that is no text") }
      return .value(.string(text))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS:
      return .value(.floats(Field.numbers(message.floats, message.n_floats).map(Double.init)))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS:
      return .value(.ints(Field.numbers(message.ints, message.n_ints).map(Int.init)))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS:
      return .value(
        .strings(Field.numbers(message.strings, message.n_strings).compactMap(Field.text)))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR:
      guard let pointer = message.t else { return .unsupported("tensor without content") }
      return .value(.tensor(try tensor(UnsafePointer(pointer))))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__SPARSE_TENSOR:
      guard let pointer = message.sparse_tensor else { return .unsupported("sparse tensor") }
      return .value(.tensor(try sparse(pointer.pointee).tensor))
    case ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH,
      ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPHS:
      return .unsupported("subgraph")
    default: return .unsupported("value of type \(message.type)")
    }
  }

  /// The declared type of an attribute, or below IR 2 the one field that is there.
  private func kind(
    of message: Onnx__AttributeProto
  ) -> Onnx__AttributeProto__AttributeType {
    if message.has_type != 0, let declared = UInt32(exactly: message.type), declared != 0 {
      return Onnx__AttributeProto__AttributeType(declared)
    }
    if message.has_f != 0 { return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT }
    if message.has_i != 0 { return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT }
    if message.has_s != 0 { return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING }
    if message.t != nil { return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR }
    if message.g != nil { return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH }
    if message.n_floats > 0 { return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS }
    if message.n_strings > 0 { return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRINGS }
    return ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
  }

  private func values(
    _ array: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__ValueInfoProto>?>?, _ count: Int
  ) throws(ModelError) -> [ValueMessage] {
    try pointees(array, count).map { (message) throws(ModelError) in try value(message) }
  }

  private func value(_ message: Onnx__ValueInfoProto) throws(ModelError) -> ValueMessage {
    let name = Field.string(message.name)
    guard let type = message.type?.pointee else {
      return ValueMessage(name: name, type: nil, typeDescription: "no type")
    }
    guard type.value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE,
      let tensor = type.tensor_type?.pointee
    else {
      return ValueMessage(name: name, type: nil, typeDescription: "no tensor")
    }
    guard let elementType = ElementType(onnx: Int(tensor.elem_type)) else {
      return ValueMessage(
        name: name, type: nil, typeDescription: "a tensor of element type \(tensor.elem_type)")
    }
    let dimensions = tensor.shape.map { shape in
      pointees(shape.pointee.dim, shape.pointee.n_dim)
    }
    let extents = (dimensions ?? []).filter(isNumber).map { Int($0.dim_value) }
    let declared = DeclaredType(elementType, dimensions?.map(dimension))
    guard extents.allSatisfy({ $0 >= -1 }) else {
      let text = extents.map(String.init).joined(separator: ", ")
      throw ModelError("'\(name)' has a negative dimension: \(text)")
    }
    guard let fixed = Shape(checking: extents.filter { $0 > 0 }),
      !fixed.elementCount.multipliedReportingOverflow(by: elementType.size).overflow
    else { throw ModelError("'\(name)' is too large: \(declared)") }
    return ValueMessage(name: name, type: declared, typeDescription: declared.description)
  }

  private func dimension(_ message: Onnx__TensorShapeProto__Dimension) -> Dimension {
    switch message.value_case {
    // Some exporters write 0 or -1 for an extent that they do not know.
    case _ where isNumber(message):
      message.dim_value > 0 ? .fixed(Int(message.dim_value)) : .symbolic("")
    case ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM:
      .symbolic(Field.string(message.dim_param))
    default: .symbolic("")
    }
  }

  private func isNumber(_ message: Onnx__TensorShapeProto__Dimension) -> Bool {
    message.value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE
  }

  private func sparse(
    _ message: Onnx__SparseTensorProto
  ) throws(ModelError) -> InitializerMessage {
    guard let values = message.values, let indices = message.indices else {
      throw ModelError("a sparse tensor lacks values or indices")
    }
    let dimensions = Field.numbers(message.dims, message.n_dims)
    let name = Field.string(values.pointee.name)
    return InitializerMessage(
      name: name,
      tensor: try Tensor(
        sparse: try tensor(UnsafePointer(values)), at: try tensor(UnsafePointer(indices)),
        dimensions: dimensions.map(Int.init), name: name))
  }

  // MARK: - Fields

  private func pointees<Message>(
    _ array: UnsafeMutablePointer<UnsafeMutablePointer<Message>?>?, _ count: Int
  ) -> [Message] {
    Field.messages(array, count).map(\.pointee)
  }

  private func metadata(
    _ entries: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__StringStringEntryProto>?>?,
    _ count: Int
  ) -> [String: String] {
    Dictionary(
      Field.entries(entries, count).map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
  }

  private func domain(_ string: UnsafeMutablePointer<CChar>?) -> String {
    let domain = Field.string(string)
    return domain == "ai.onnx" ? "" : domain
  }

  private func opsets(
    _ array: UnsafeMutablePointer<UnsafeMutablePointer<Onnx__OperatorSetIdProto>?>?, _ count: Int
  ) throws(ModelError) -> [String: Int] {
    var opsets: [String: Int] = [:]
    for message in pointees(array, count) {
      let domain = domain(message.domain)
      guard opsets.updateValue(Int(message.version), forKey: domain) == nil else {
        let name = domain.isEmpty ? "ai.onnx" : domain
        throw ModelError("the opset of domain '\(name)' is given twice")
      }
    }
    return opsets
  }
}
