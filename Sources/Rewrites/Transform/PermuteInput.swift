package import Graphs
import Operators
package import Tensors

extension Graph {
  /// The graph that puts the elements of one of its inputs into another order first.
  ///
  /// Law: G(x) = F(Px), where element i of Px is element `order[i]` of x. So F(x) + F(Px) does not change
  /// when x is replaced by Px, if P undoes itself. For a graph that is not specialised.
  ///
  /// - Parameters:
  ///   - index: which input.
  ///   - order: for each element of a sample, in row-major order, the one that takes its place.
  ///   - shape: that of one sample with its leading 1; of the whole input if its first dimension does not
  ///     count samples.
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func permutingInput(
    _ index: Int, to order: [Int], shape: Shape
  ) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    let input = rebuilder(inputs[index])
    let rows = rebuilder.builder.constant(Tensor([-1, Int64(order.count)]), name: "rows of input")
    let places = rebuilder.builder.constant(
      Tensor(order.map(Int64.init)), name: "order of elements")
    let extents = rebuilder.builder.constant(
      Tensor([-1] + shape.dropFirst().map(Int64.init)), name: "shape of input")
    let flat = rebuilder.builder.node(Reshape(), input, rows, name: "input in rows")
    let moved = rebuilder.builder.node(Gather(axis: 1), flat, places, name: "permuted rows")
    rebuilder.replace(
      inputs[index],
      by: rebuilder.builder.node(Reshape(), moved, extents, name: "permuted input"))
    for node in nodes { try rebuilder.copy(node) }
    return rebuilder.finish()
  }
}
