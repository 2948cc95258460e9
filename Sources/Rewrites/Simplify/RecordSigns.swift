package import Graphs
import Operators

extension Graph {
  /// Lets the gradient of a Relu keep a bit per element of the forward pass, so that activations die
  /// where that has read them; and adds the gradients that meet there in the same pass over memory.
  ///
  ///     1. ReluGradient(dy, y)               = SignedSum(RecordSigns(y), dy)
  ///     2. ReluGradient(Accumulate(a, b), y) = SignedSum(RecordSigns(y), a, b)
  ///
  /// Nothing else may read y after the gradient of the Relu; nothing else may read the sum of rule 2.
  package func recordingSigns() throws(ModelError) -> Graph {
    let (producers, consumers) = (producers, consumers)
    let recorded = recordedActivations(consumers)
    /// The Accumulate that a gradient comes from, if nothing else reads it.
    func sum(_ gradient: Value?) -> Int? {
      guard let gradient, consumers[gradient.index].count == 1, !outputs.contains(gradient),
        let producer = producers[gradient.index], nodes[producer].operation is Accumulate
      else { return nil }
      return producer
    }
    let gradients = nodes.filter { $0.rectified.map { recorded[$0.index] } ?? false }
    let absorbed = Set(gradients.compactMap { sum($0.inputs[0]) })
    var rebuilder = GraphRebuilder(self)
    var signs: [Value: Value] = [:]
    for (index, node) in nodes.enumerated() where !absorbed.contains(index) {
      if let y = node.rectified, let signs = signs[y] {
        let terms = sum(node.inputs[0]).map { nodes[$0].inputs } ?? [node.inputs[0]]
        try rebuilder.put(
          SignedSum(), [signs] + terms.map { $0.map { rebuilder($0) } }, named: node.name,
          for: node)
      } else {
        try rebuilder.copy(node)
      }
      for output in node.outputs where recorded[output.index] {
        signs[output] = try rebuilder.append(
          RecordSigns(), rebuilder(output), name: "\(node.name)/signs")
      }
    }
    return rebuilder.finish()
  }

  /// By value index, whether gradients of a Relu are the last to read a value.
  private func recordedActivations(_ consumers: [[Int]]) -> [Bool] {
    var recorded = [Bool](repeating: false, count: records.count)
    for value in nodes.flatMap(\.outputs) where !outputs.contains(value) {
      let readers = consumers[value.index]
      guard let first = readers.first(where: { nodes[$0].rectified == value }) else { continue }
      recorded[value.index] = readers.allSatisfy { index in
        let node = nodes[index]
        guard index >= first else { return true }
        return node.rectified == value && node.inputs[0] != value
          && node.inputs[0].flatMap { type(of: $0) } == type(of: value)
      }
    }
    return recorded
  }
}

extension Node {
  /// The output of the Relu, if this node computes the gradient of one.
  fileprivate var rectified: Value? { operation is ReluGradient ? inputs[1] : nil }
}
