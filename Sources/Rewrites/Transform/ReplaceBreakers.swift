package import Graphs
import Operators
import Tensors

/// A node that a homogeneous one has replaced.
package struct Replacement: Sendable {
  package let node: String
  package let operatorName: String
  /// The operator in its place.
  package let standIn: String
}

extension Graph {
  /// The model with homogeneous operators in the place of those that have an honest stand-in: one that
  /// agrees with them as its input grows, or that only leaves out a normalisation.
  ///
  ///     Clip(0, c)                                    Relu
  ///     HardSwish, Swish, x Sigmoid(x), x HardSigmoid(x)    Relu
  ///     LRN                                           Identity
  ///
  /// Law: every node that is put in has the degree of its input.
  package func replacingBreakers() throws(ModelError) -> (graph: Graph, replaced: [Replacement]) {
    let producers = producers
    var rebuilder = GraphRebuilder(self)
    var replaced: [Replacement] = []
    for node in nodes {
      guard let (input, standIn) = standIn(for: node, producers) else {
        try rebuilder.copy(node)
        continue
      }
      let operation: any Operator = standIn == "Relu" ? Relu() : Identity()
      try rebuilder.put(
        operation, [rebuilder(input)], named: node.name, attributes: [:], for: node)
      let gate = node.operatorName == "Mul" ? gate(of: node, producers)?.operatorName : nil
      replaced.append(
        Replacement(
          node: node.name, operatorName: gate.map { "x \($0)(x)" } ?? node.operatorName,
          standIn: standIn))
    }
    return (rebuilder.finish().withoutDeadNodes(), replaced)
  }

  private func standIn(for node: Node, _ producers: [Int?]) -> (input: Value, standIn: String)? {
    guard let input = node.inputs.first ?? nil else { return nil }
    switch node.operatorName {
    case "LRN": return (input, "Identity")
    case "HardSwish": return (input, "Relu")
    case "Swish" where (node.operation as? Swish).map { $0.alpha > 0 } ?? false:
      return (input, "Relu")
    case "Clip" where clips(node, from: 0) && !addsConstant(input, producers):
      return (input, "Relu")
    case "Mul":
      guard let gate = gate(of: node, producers), let gated = gate.inputs[0] else { return nil }
      return (gated, "Relu")
    default: return nil
    }
  }

  /// The node that computes σ(x) where `node` is x σ(x).
  private func gate(of node: Node, _ producers: [Int?]) -> Node? {
    let operands = node.inputs.compactMap(\.self)
    guard operands.count == 2 else { return nil }
    for (factor, other) in [(operands[0], operands[1]), (operands[1], operands[0])] {
      guard let index = producers[factor.index],
        isGate(nodes[index]), nodes[index].inputs == [other]
      else { continue }
      return nodes[index]
    }
    return nil
  }

  private func isGate(_ node: Node) -> Bool {
    if let gate = node.operation as? HardSigmoid { return gate.alpha > 0 }
    return node.operation is Sigmoid
  }

  /// Whether a value is a sum with a constant, as before the Clip of a HardSwish in parts.
  private func addsConstant(_ value: Value, _ producers: [Int?]) -> Bool {
    guard let index = producers[value.index], ["Add", "Sub"].contains(nodes[index].operatorName)
    else { return false }
    return nodes[index].inputs.contains { $0.map { storedConstant(of: $0) != nil } ?? false }
  }

  /// Whether a Clip has this lower bound and a finite upper one above it.
  private func clips(_ node: Node, from low: Double) -> Bool {
    func bound(_ name: String, _ place: Int) -> Double? {
      if case .float(let number)? = node.attributes?[name] { return number }
      guard node.inputs.count > place, let value = node.inputs[place] else { return nil }
      return constant(of: value)?.converted(to: .float64).elements(as: Double.self).first
    }
    guard let high = bound("max", 2) else { return false }
    return bound("min", 1) == low && high > low
  }
}
