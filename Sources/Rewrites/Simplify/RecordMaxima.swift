package import Graphs
import Operators

extension Graph {
  /// Lets the gradient of a MaxPool keep one number per window of the forward pass in place of the
  /// input.
  ///
  ///     MaxPoolGradient(dy, x) = MaxPoolScatter(dy, choices) with y, choices = RecordingMaxPool(x),
  ///     where y = MaxPool(x) is computed before
  package func recordingMaxima() throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    var choices: [Int: Value] = [:]
    let pools = recordedPools()
    for (index, node) in nodes.enumerated() {
      if let gradient = node.operation as? MaxPoolGradient, let pool = pools[index],
        let recorded = choices[pool], let type = node.inputs[1].flatMap({ type(of: $0) })
      {
        try rebuilder.put(
          MaxPoolScatter(gradient.parameters, inputShape: type.shape),
          [node.inputs[0].map { rebuilder($0) }, recorded], named: node.name, for: node)
      } else if let gradient = pools.first(where: { $0.value == index })?.key,
        let operation = nodes[gradient].operation as? MaxPoolGradient
      {
        choices[index] = try rebuilder.putFirst(
          RecordingMaxPool(operation.parameters), node.inputs.map { $0.map { rebuilder($0) } },
          for: node)
      } else {
        try rebuilder.copy(node)
      }
    }
    return rebuilder.finish()
  }

  /// For each gradient of a MaxPool the node that pools the same input in the same windows.
  private func recordedPools() -> [Int: Int] {
    let consumers = consumers
    var pools: [Int: Int] = [:]
    for (index, node) in nodes.enumerated() {
      guard let gradient = node.operation as? MaxPoolGradient, let x = node.inputs[1],
        let shape = type(of: x)?.shape
      else { continue }
      pools[index] = consumers[x.index].first { reader in
        guard reader < index, let pool = nodes[reader].operation as? MaxPool,
          !pool.yieldsIndices, let parameters = try? pool.parameters(of: shape)
        else { return false }
        return parameters == gradient.parameters
      }
    }
    return pools
  }
}
