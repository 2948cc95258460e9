import Graphs

/// Replaces calls of model-local functions by their bodies.
///
/// Names of the body get the caller's name in front, so that several calls do not clash.
struct FunctionInliner {
  private let functions: [String: FunctionMessage]
  private var inlined: [NodeMessage] = []
  private var expansionCount = 0

  /// Functions that call functions end here; ONNX forbids recursion.
  private static let depthLimit = 32
  /// A few nested functions must not unfold into a graph that fills the memory.
  private static let nodeLimit = 1_000_000

  init(_ functions: [FunctionMessage]) {
    var table: [String: FunctionMessage] = [:]
    for function in functions {
      table[Self.key(function.domain, function.name, function.overload)] = function
    }
    self.functions = table
  }

  /// The nodes with every call of a known function unfolded.
  ///
  /// - Throws: `ModelError` if functions nest too deeply or unfold into too many nodes.
  mutating func inline(_ nodes: [NodeMessage]) throws(ModelError) -> [NodeMessage] {
    guard !functions.isEmpty else { return nodes }
    inlined = []
    expansionCount = 0
    for node in nodes { try expand(node, depth: 0) }
    return inlined
  }

  private mutating func expand(_ node: NodeMessage, depth: Int) throws(ModelError) {
    expansionCount += 1
    guard expansionCount <= Self.nodeLimit else {
      throw ModelError("the functions unfold into more than \(Self.nodeLimit) nodes")
    }
    let key = Self.key(node.domain, node.operatorName, node.overload)
    guard let function = functions[key] else {
      inlined.append(node)
      return
    }
    guard depth < Self.depthLimit else {
      throw ModelError("functions nest deeper than \(Self.depthLimit)", node: node.label)
    }
    guard node.inputs.count <= function.inputs.count, node.outputs.count <= function.outputs.count
    else { throw ModelError("a call with more operands than the function has", node: node.label) }
    var names: [String: String] = ["": ""]
    for (index, name) in function.inputs.enumerated() {
      names[name] = index < node.inputs.count ? node.inputs[index] : ""
    }
    for (name, outer) in zip(function.outputs, node.outputs) where !outer.isEmpty {
      names[name] = outer
    }
    for inner in function.nodes {
      var copy = inner
      copy.name = "\(node.name)/\(inner.name)"
      copy.inputs = inner.inputs.map { names[$0] ?? "\(node.name)/\($0)" }
      copy.outputs = inner.outputs.map { names[$0] ?? "\(node.name)/\($0)" }
      copy.attributes = resolve(inner.attributes, from: node.attributes, or: function.defaults)
      try expand(copy, depth: depth + 1)
    }
  }

  /// The attributes of a body node with those of the call in place of references; an attribute that
  /// the call leaves out is left out.
  private func resolve(
    _ attributes: [String: AttributeMessage], from call: [String: AttributeMessage],
    or defaults: [String: AttributeMessage]
  ) -> [String: AttributeMessage] {
    attributes.compactMapValues { attribute in
      guard case .reference(let name) = attribute else { return attribute }
      return call[name] ?? defaults[name]
    }
  }

  private static func key(_ domain: String, _ name: String, _ overload: String) -> String {
    "\(domain):\(name):\(overload)"
  }
}
