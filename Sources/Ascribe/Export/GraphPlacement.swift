import Graphs
import ONNXFormat
import Rewrites
import Tensors

/// Writes a graph for any number of samples into a scope, its inputs being values that are there.
struct GraphPlacement {
  private let batched: BatchedGraph
  private var names: [Value: String]
  private var isPlaced: [Bool]

  /// - Parameter inputs: the names of the inputs that are known so far.
  init(_ batched: BatchedGraph, inputs: [Value: String]) {
    self.batched = batched
    self.names = inputs
    self.isPlaced = Array(repeating: false, count: batched.graph.nodes.count)
  }

  /// Lets an input be this value.
  mutating func bind(_ input: Value, to name: String) { names[input] = name }

  /// Writes the nodes whose inputs are known.
  ///
  /// - Parameter reserved: the names that outputs of the graph must have.
  mutating func place(
    in scope: inout ScopeAssembly, reserved: [Value: String] = [:]
  ) throws(ModelError) {
    let graph = batched.graph
    for (index, node) in graph.nodes.enumerated() where !isPlaced[index] {
      let isReady = node.inputs.allSatisfy { input in
        input.map { names[$0] != nil || graph.storedConstant(of: $0) != nil } ?? true
      }
      guard isReady else { continue }
      let open = openShape(of: node)
      for case let input? in open == nil ? node.inputs : [node.inputs[0]]
      where names[input] == nil {
        names[input] = try constant(input, in: &scope)
      }
      var message = try node.message(in: graph) { names[$0] ?? "" }
      if let open { message.inputs[1] = scope.model.integers(open) }
      message.outputs = node.outputs.map { output in
        reserved[output] ?? scope.model.name(graph.name(of: output))
      }
      for (output, name) in zip(node.outputs, message.outputs) { names[output] = name }
      scope.append(message)
      isPlaced[index] = true
    }
  }

  /// The name of a value that is placed, or a constant.
  mutating func name(
    of value: Value, in scope: inout ScopeAssembly
  ) throws(ModelError) -> String {
    if let known = names[value] { return known }
    let name = try constant(value, in: &scope)
    names[value] = name
    return name
  }

  /// The target shape of a Reshape of which one extent alone depends on the number of samples.
  private func openShape(of node: Node) -> [Int]? {
    guard node.operatorName == "Reshape", let shape = node.inputs.last ?? nil,
      case .integers(let extents)? = batched.varying[shape],
      extents.count(where: { !$0.isFixed }) == 1,
      extents.allSatisfy({ !$0.isFixed || $0.offset > 0 })
    else { return nil }
    return extents.map { $0.isFixed ? $0.offset : -1 }
  }

  private func constant(
    _ value: Value, in scope: inout ScopeAssembly
  ) throws(ModelError) -> String {
    let graph = batched.graph
    let base = graph.name(of: value)
    guard let tensor = graph.constant(of: value) else {
      throw ModelError("'\(base)' is read before it is computed", kind: .fault)
    }
    switch batched.varying[value] {
    case nil: return scope.model.initializer(tensor, base)
    case .integers(let extents):
      var vector = scope.vector(extents)
      if tensor.elementType != .int64 {
        let type = AttributeValue.int(tensor.elementType.onnxNumber)
        vector = scope.append("Cast", [vector], ["to": type], "extents")
      }
      guard tensor.shape.rank != 1 else { return vector }
      let shape = scope.model.integers(tensor.shape.dimensions)
      return scope.append("Reshape", [vector, shape], [:], "extents")
    case .filled(let number, let extents):
      let shape = scope.vector(extents)
      return scope.append("ConstantOfShape", [shape], ["value": .tensor(number)], base)
    case .repeated(let row, let count):
      let ones = Array(repeating: BatchExtent.one, count: row.shape.rank - 1)
      let shape = scope.vector([count] + ones)
      return scope.append("Expand", [scope.model.initializer(row, base), shape], [:], base)
    }
  }
}
