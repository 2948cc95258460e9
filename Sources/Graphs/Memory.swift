import Tensors

extension Graph {
  /// Bytes of inputs and intermediate values at the worst moment of a run, constants left out: an
  /// estimate from the types of a specialised graph.
  package var peakBytes: Int {
    let lastUses = lastUses()
    var live = inputs.reduce(0) { $0 + bytes(of: $1) }
    var peak = live
    for (index, node) in nodes.enumerated() {
      live += node.outputs.reduce(0) { $0 + bytes(of: $1) }
      peak = max(peak, live)
      live -= lastUses[index].reduce(0) { $0 + bytes(of: $1) }
    }
    return peak
  }

  private func bytes(of value: Value) -> Int {
    guard storedConstant(of: value) == nil, let type = type(of: value) else { return 0 }
    // Masks are bits mostly.
    if type.elementType == .bool { return type.shape.elementCount / 8 }
    return type.shape.elementCount * type.elementType.size
  }
}
