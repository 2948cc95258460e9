package import Graphs
import Operators
import Tensors

extension Graph {
  /// The nodes that are affine in all operands that depend on `inputs`, by their first outputs, whether
  /// or not those operands are affine in the inputs themselves.
  ///
  /// An operator is affine in an operand if its gradient rule reads neither that operand nor the
  /// result. Works on a specialised graph.
  package func affineNodes(in inputs: [Value]) -> Set<Value> {
    var depends = [Bool](repeating: false, count: records.count)
    for input in inputs { depends[input.index] = true }
    var affine: Set<Value> = []
    var builder = GraphBuilder(self)
    for node in nodes {
      let varying = node.inputs.map { $0.map { depends[$0.index] } ?? false }
      guard varying.contains(true) else { continue }
      for output in node.outputs { depends[output.index] = true }
      guard let elementType = type(of: node.outputs[0])?.elementType,
        builder.isAffine(node, in: varying, reading: depends, elementType)
      else { continue }
      affine.insert(node.outputs[0])
    }
    return affine
  }
}

extension GraphBuilder {
  /// Whether the gradient rule of a node for the marked inputs reads none of the values that depend
  /// on them, and all its outputs are of one type.
  mutating func isAffine(
    _ node: Node, in wanted: [Bool], reading depends: [Bool], _ elementType: ElementType
  ) -> Bool {
    // The slope of a remainder is constant, yet it jumps.
    guard !(node.operation is Mod) else { return false }
    var seeds: [Value?] = []
    for output in node.outputs {
      guard let type = graph.type(of: output), type.elementType == elementType else {
        return false
      }
      seeds.append(input("seed", type))
    }
    let first = graph.nodes.count
    guard let gradients = try? appendGradient(of: node, seeds, wanted: wanted) else { return false }
    for (gradient, isWanted) in zip(gradients, wanted) where isWanted && gradient == nil {
      return false
    }
    return graph.nodes[first...].allSatisfy { rule in
      rule.inputs.allSatisfy { value in
        guard let value, value.index < depends.count else { return true }
        return !depends[value.index]
      }
    }
  }
}
