package import Graphs
import Kernels
import Operators
import Tensors

/// Builds a graph from the messages of a model file.
package struct Importer {
  /// A node that we cannot run, and why.
  package struct Unsupported: Sendable {
    package let node: String
    package let operatorName: String
    package let opset: Int?
    package let reason: String
    /// How messages name the node.
    package let label: String
  }

  /// What reading a model's nodes came to.
  package enum Outcome: Sendable {
    case graph(Graph)
    /// At least one node is not supported; all such nodes are listed.
    case unsupported([Unsupported])
  }

  private let precision: Precision
  private var builder = GraphBuilder()
  private var values: [String: Value] = [:]

  /// The newest version of the file format that we have checked.
  private static let newestIRVersion = 13

  /// The graph of a model, or the nodes that are not supported.
  ///
  /// - Throws: `ModelError` if the model breaks ONNX's rules.
  package static func outcome(
    of model: ModelMessage, precision: Precision = .declared
  ) throws(ModelError) -> Outcome {
    guard (1...newestIRVersion).contains(model.irVersion) else {
      throw ModelError(
        "IR version \(model.irVersion) is not known; this program reads 1 to \(newestIRVersion)")
    }
    if let opset = model.opsets[""], !(1...Specification.newestOpset).contains(opset) {
      throw ModelError(
        "opset \(opset) is not known; this program reads 1 to \(Specification.newestOpset), "
          + "so export the model with one of those")
    }
    var importer = Importer(precision: precision)
    return try importer.run(model)
  }

  private init(precision: Precision) { self.precision = precision }

  private mutating func run(_ model: ModelMessage) throws(ModelError) -> Outcome {
    builder.setOpset(model.opsets[""] ?? Specification.newestOpset)
    var inliner = FunctionInliner(model.functions)
    let nodes = try sorted(try inliner.inline(model.graph.nodes), of: model.graph)
    var operations: [any Operator] = []
    var unsupported: [Unsupported] = []
    for node in nodes {
      do throws(OperatorError) {
        operations.append(try operation(of: node))
      } catch {
        unsupported.append(
          Unsupported(
            node: node.name, operatorName: node.operatorName, opset: node.opset,
            reason: error.description, label: node.label))
      }
    }
    guard unsupported.isEmpty else { return .unsupported(unsupported) }
    try addInputs(of: model.graph)
    for (node, operation) in zip(nodes, operations) { try add(node, operation) }
    try setOutputs(of: model.graph)
    let graph = builder.graph
    try graph.validate()
    return .graph(graph.withoutDeadNodes())
  }

  private func operation(of node: NodeMessage) throws(OperatorError) -> any Operator {
    guard let opset = node.opset ?? (node.domain.isEmpty ? 1 : nil) else {
      throw OperatorError("the file does not import the domain '\(node.domain)'")
    }
    guard let type = Registry.operation(named: node.operatorName, domain: node.domain, opset: opset)
    else {
      throw OperatorError("this operator is not supported; README.md lists those that are")
    }
    var values: [String: AttributeValue] = [:]
    for (name, attribute) in node.attributes {
      switch attribute {
      case .value(let value): values[name] = value
      case .reference(let outer):
        throw OperatorError("attribute \(name) refers to '\(outer)' outside of a function")
      case .graph:
        throw OperatorError("attribute \(name) is a subgraph, which is not supported")
      case .unsupported(let kind):
        throw OperatorError("attribute \(name) is a \(kind), which is not supported")
      }
    }
    var attributes = Attributes(
      values, opset: opset, inputCount: node.inputs.count, outputCount: node.outputs.count,
      precision: precision)
    let operation = try type.init(&attributes)
    if let name = attributes.untaken.first {
      throw OperatorError("attribute '\(name)' is not known in opset \(opset)")
    }
    let specification = type.specification
    guard specification.inputs.contains(node.inputs.count) else {
      throw OperatorError(
        "\(node.inputs.count) inputs given, the operator takes \(specification.inputs)")
    }
    guard specification.outputs.contains(node.outputs.count) else {
      throw OperatorError(
        "\(node.outputs.count) outputs asked for, the operator has \(specification.outputs)")
    }
    return operation
  }

  private mutating func addInputs(of graph: GraphMessage) throws(ModelError) {
    let initialized = Set(graph.initializers.map(\.name))
    for input in graph.inputs where !initialized.contains(input.name) {
      guard let type = input.type else {
        throw ModelError(
          "input '\(input.name)' is \(input.typeDescription), which is not supported")
      }
      guard values[input.name] == nil else {
        throw ModelError("two inputs are named '\(input.name)'")
      }
      let declared = DeclaredType(precision.computeType(of: type.elementType), type.dimensions)
      values[input.name] = builder.input(input.name, declared: declared)
    }
    for initializer in graph.initializers {
      guard values[initializer.name] == nil else {
        throw ModelError("two initializers are named '\(initializer.name)'")
      }
      let type = precision.computeType(of: initializer.tensor.elementType)
      values[initializer.name] = builder.constant(
        initializer.tensor, name: initializer.name, elementType: type)
    }
  }

  private mutating func add(
    _ node: NodeMessage, _ operation: any Operator
  ) throws(ModelError) {
    var inputs: [Value?] = []
    for name in node.inputs {
      guard !name.isEmpty else {
        inputs.append(nil)
        continue
      }
      guard let value = values[name] else {
        throw ModelError("input '\(name)' is computed nowhere", node: node.label)
      }
      inputs.append(value)
    }
    let outputs = builder.appendUntyped(
      operation, inputs, name: node.name, outputNames: node.outputs,
      attributes: exportable(node, operation))
    for (name, value) in zip(node.outputs, outputs) where !name.isEmpty { values[name] = value }
  }

  /// The attributes of a node, if a file of the graph's opset can hold it: the body of a function may
  /// be written for another one.
  private func exportable(
    _ node: NodeMessage, _ operation: any Operator
  ) -> [String: AttributeValue]? {
    let opset = builder.graph.opset
    guard
      Registry.operation(named: node.operatorName, domain: node.domain, opset: opset)
        == type(of: operation)
    else { return nil }
    return node.attributes.compactMapValues { attribute in
      if case .value(let value) = attribute { value } else { nil }
    }
  }

  private mutating func setOutputs(of graph: GraphMessage) throws(ModelError) {
    guard !graph.outputs.isEmpty else { throw ModelError("the graph has no outputs") }
    var outputs: [Value] = []
    for output in graph.outputs {
      guard let value = values[output.name] else {
        throw ModelError("output '\(output.name)' is computed nowhere")
      }
      if let type = output.type { builder.declare(type, of: value) }
      outputs.append(value)
    }
    builder.setOutputs(outputs)
  }

  /// The nodes in an order in which each reads only what stands before it.
  ///
  /// - Throws: `ModelError` if a value is made twice or nodes read each other in a circle.
  private func sorted(
    _ nodes: [NodeMessage], of graph: GraphMessage
  ) throws(ModelError) -> [NodeMessage] {
    var producer: [String: Int] = [:]
    let given = Set(graph.inputs.map(\.name)).union(graph.initializers.map(\.name))
    for (index, node) in nodes.enumerated() {
      for output in node.outputs where !output.isEmpty {
        guard producer.updateValue(index, forKey: output) == nil, !given.contains(output) else {
          throw ModelError("'\(output)' is computed twice", node: node.label)
        }
      }
    }
    var waiting = nodes.map { node in
      Set(node.inputs.compactMap { producer[$0] }).count
    }
    var readers: [[Int]] = Array(repeating: [], count: nodes.count)
    for (index, node) in nodes.enumerated() {
      for source in Set(node.inputs.compactMap { producer[$0] }) { readers[source].append(index) }
    }
    var ready = waiting.indices.filter { waiting[$0] == 0 }
    var order: [Int] = []
    while order.count < ready.count {
      let next = ready[order.count]
      order.append(next)
      for reader in readers[next] {
        waiting[reader] -= 1
        if waiting[reader] == 0 { ready.append(reader) }
      }
    }
    guard order.count == nodes.count else {
      let stuck = waiting.firstIndex { $0 > 0 } ?? 0
      throw ModelError("the node is part of, or behind, a cycle", node: nodes[stuck].label)
    }
    // A file that is sorted already keeps its order.
    let isSorted = nodes.indices.allSatisfy { index in
      nodes[index].inputs.allSatisfy { (producer[$0] ?? -1) < index }
    }
    return isSorted ? nodes : order.map { nodes[$0] }
  }
}
