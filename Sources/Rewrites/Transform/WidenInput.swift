package import Graphs
import Operators
import Tensors

extension Graph {
  /// The graph that takes one element more along the last dimension of one of its inputs, and drops it.
  ///
  /// Law: G((x, z)) = F(x), whatever z is. For a graph that is not specialised.
  ///
  /// - Parameters:
  ///   - index: which input.
  ///   - extent: of the last dimension before.
  /// - Throws: `ModelError` if the input has no dimensions, or an operator refuses its inputs.
  package func wideningInput(_ index: Int, from extent: Int) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self, inputs: [])
    for (place, input) in inputs.enumerated() {
      guard let declared = declaredType(of: input) else {
        throw ModelError("input '\(name(of: input))' has no type")
      }
      guard place == index else {
        rebuilder.replace(input, by: rebuilder.builder.input(name(of: input), declared: declared))
        continue
      }
      var dimensions = declared.dimensions
      if let last = dimensions?.indices.last, case .fixed? = dimensions?[last] {
        dimensions?[last] = .fixed(extent + 1)
      }
      let whole = rebuilder.builder.input(
        name(of: input), declared: DeclaredType(declared.elementType, dimensions))
      let bounds = [0, extent, -1].map { rebuilder.builder.constant(Tensor([Int64($0)])) }
      let kept = rebuilder.builder.node(
        Slice(), whole, bounds[0], bounds[1], bounds[2], name: "kept part of input")
      rebuilder.replace(input, by: kept)
    }
    for node in nodes { try rebuilder.copy(node) }
    return rebuilder.finish()
  }
}
