package import Graphs
import Operators

extension Graph {
  /// Joins convolutions with the Add and Relu behind them, which one kernel computes in one pass.
  ///
  ///     1. Relu(Conv(x, W, b))              = FusedConvolution(x, W, b), rectifying
  ///     2. Relu(Add(Conv(x, W, b), z))      = FusedConvolution(x, W, b, z), rectifying
  ///     3. Add(Conv(x, W, b), z)            = FusedConvolution(x, W, b, z)
  ///
  /// A value between the joined nodes must have no other reader and be no output; z must have the
  /// shape of the sum.
  package func fusingConvolutions() throws(ModelError) -> Graph {
    let chains = convolutionChains()
    guard !chains.isEmpty else { return self }
    let joined = Set(chains.values.flatMap { [$0.convolution, $0.addition].compactMap(\.self) })
    var rebuilder = GraphRebuilder(self)
    for (index, node) in nodes.enumerated() {
      if let chain = chains[index] {
        try put(chain, for: node, &rebuilder)
      } else if !joined.contains(index) {
        try rebuilder.copy(node)
      }
    }
    return rebuilder.finish()
  }

  /// Nodes that become one, by the indices of all but the last.
  private struct Chain {
    let convolution: Int
    var addition: Int?
    var rectifies: Bool
  }

  private func put(
    _ chain: Chain, for node: Node, _ rebuilder: inout GraphRebuilder
  ) throws(ModelError) {
    let convolution = nodes[chain.convolution]
    guard let operation = convolution.operation as? Conv else { return }
    var inputs = convolution.inputs.map { $0.map { rebuilder($0) } }
    let sum = chain.addition.map { nodes[$0] } ?? (node.operation is Add ? node : nil)
    if let addend = sum?.inputs.first(where: { $0 != convolution.outputs[0] }) ?? nil {
      while inputs.count < 3 { inputs.append(nil) }
      inputs.append(rebuilder(addend))
    }
    try rebuilder.put(
      FusedConvolution(operation, rectifies: chain.rectifies), inputs, named: convolution.name,
      for: node)
  }

  /// The chains, by the index of their last node.
  private func convolutionChains() -> [Int: Chain] {
    let (producers, consumers) = (producers, consumers)
    /// The node that makes `value`, if nothing but its one reader needs it.
    func source(_ value: Value?) -> Int? {
      guard let value, consumers[value.index].count == 1, !outputs.contains(value) else {
        return nil
      }
      return producers[value.index]
    }
    var chains: [Int: Chain] = [:]
    var taken: Set<Int> = []
    for (index, node) in nodes.enumerated() where node.operation is Add {
      guard let output = type(of: node.outputs[0]), node.inputs.count == 2,
        node.inputs[0] != node.inputs[1],
        node.inputs.allSatisfy({ $0.flatMap { type(of: $0) } == output })
      else { continue }
      let candidates = node.inputs.compactMap(source).filter { nodes[$0].operation is Conv }
      // The later one, so that the other operand is computed already.
      guard let convolution = candidates.max() else { continue }
      chains[index] = Chain(convolution: convolution, addition: nil, rectifies: false)
      taken.insert(convolution)
    }
    for (index, node) in nodes.enumerated() where node.operation is Relu {
      guard let before = source(node.inputs[0]) else { continue }
      if let sum = chains.removeValue(forKey: before) {
        chains[index] = Chain(
          convolution: sum.convolution, addition: before, rectifies: true)
      } else if nodes[before].operation is Conv, !taken.contains(before) {
        chains[index] = Chain(convolution: before, addition: nil, rectifies: true)
      }
    }
    return chains
  }
}
