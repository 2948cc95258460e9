package import Graphs
package import Tensors

/// A node of a model file, with the opset that its domain is imported in.
package struct NodeMessage: Sendable {
  package var name: String
  package var operatorName: String
  package var domain: String
  package var overload: String
  package var inputs: [String]
  package var outputs: [String]
  package var attributes: [String: AttributeMessage]
  /// The version of the node's domain; nil where the file does not import the domain.
  package var opset: Int?
  /// What the file notes of the node: a text, and keys with values.
  package var documentation = ""
  package var metadata: [String: String] = [:]

  /// A node of standard operators to write.
  package init(
    name: String, operatorName: String, inputs: [String], outputs: [String],
    attributes: [String: AttributeMessage] = [:], documentation: String = "",
    metadata: [String: String] = [:]
  ) {
    self.init(
      name: name, operatorName: operatorName, domain: "", overload: "", inputs: inputs,
      outputs: outputs, attributes: attributes, opset: nil, documentation: documentation,
      metadata: metadata)
  }

  init(
    name: String, operatorName: String, domain: String, overload: String, inputs: [String],
    outputs: [String], attributes: [String: AttributeMessage], opset: Int?,
    documentation: String = "", metadata: [String: String] = [:]
  ) {
    self.name = name
    self.operatorName = operatorName
    self.domain = domain
    self.overload = overload
    self.inputs = inputs
    self.outputs = outputs
    self.attributes = attributes
    self.opset = opset
    self.documentation = documentation
    self.metadata = metadata
  }

  /// How messages name this node.
  package var label: String {
    let opset = opset.map { ", opset \($0)" } ?? ""
    let qualified = domain.isEmpty ? operatorName : "\(domain).\(operatorName)"
    return "node '\(name)' (\(qualified)\(opset))"
  }
}

/// The content of an attribute.
package enum AttributeMessage: Sendable {
  case value(AttributeValue)
  /// In the body of a function: the attribute of the caller that stands here.
  case reference(String)
  /// A subgraph to write; none is read.
  case graph(GraphMessage)
  /// A kind of attribute that no operator of ours takes, such as a subgraph.
  case unsupported(String)
}

/// An input or output of a graph as the file declares it.
package struct ValueMessage: Sendable {
  package let name: String
  /// The declared type; nil where the value is no tensor of a type that we know.
  package let type: DeclaredType?
  /// What the file says of the type, for messages.
  package let typeDescription: String
}

extension ValueMessage {
  /// A value of a known type.
  package init(_ name: String, _ type: DeclaredType?) {
    self.init(name: name, type: type, typeDescription: type?.description ?? "no type")
  }
}

/// A named tensor of a graph.
package struct InitializerMessage: Sendable {
  package let name: String
  package let tensor: Tensor

  package init(name: String, tensor: Tensor) {
    self.name = name
    self.tensor = tensor
  }
}

/// The graph of a model file.
package struct GraphMessage: Sendable {
  package let name: String
  package let documentation: String
  package let metadata: [String: String]
  package var nodes: [NodeMessage]
  package var initializers: [InitializerMessage]
  package var inputs: [ValueMessage]
  package var outputs: [ValueMessage]

  package init(
    name: String, documentation: String = "", metadata: [String: String] = [:],
    nodes: [NodeMessage], initializers: [InitializerMessage] = [], inputs: [ValueMessage],
    outputs: [ValueMessage]
  ) {
    self.name = name
    self.documentation = documentation
    self.metadata = metadata
    self.nodes = nodes
    self.initializers = initializers
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// An operator that the file itself defines by a graph.
package struct FunctionMessage: Sendable {
  package let name: String
  package let domain: String
  package let overload: String
  package let inputs: [String]
  package let outputs: [String]
  /// Attributes that have a default.
  package let defaults: [String: AttributeMessage]
  package let nodes: [NodeMessage]
}

/// Everything that we read of a model file.
package struct ModelMessage: Sendable {
  package var irVersion: Int
  package let producerName: String
  package let producerVersion: String
  package let domain: String
  package let version: Int
  package let documentation: String
  package var opsets: [String: Int]
  package var metadata: [String: String]
  package var graph: GraphMessage
  package var functions: [FunctionMessage]

  /// What wrote the file, with its version.
  package var producer: String {
    [producerName, producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
  }
}
