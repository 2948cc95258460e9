package import Graphs
import Operators
package import Tensors

extension Graph {
  /// The graph with each Relu done twice, and between scalings that undo each other.
  ///
  ///     Relu(x) = Relu(Relu(2 x)) / 2
  ///
  /// Law: the function is the same to the last bit, since factors of two do not round. For a graph that is
  /// not specialised.
  ///
  /// - Parameter elementType: that of the values that are rectified.
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func repeatingRectifiers(_ elementType: ElementType) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    for node in nodes {
      guard node.operation is Relu, let input = node.inputs[0] else {
        try rebuilder.copy(node)
        continue
      }
      let value = rebuilder(input)
      let two = rebuilder.builder.constant(Tensor(scalar: 2.0).converted(to: elementType))
      let half = rebuilder.builder.constant(Tensor(scalar: 0.5).converted(to: elementType))
      let doubled = rebuilder.builder.node(Mul(), value, two, name: "\(node.name)/doubled")
      let once = rebuilder.builder.node(Relu(), doubled, name: "\(node.name)/once")
      let twice = rebuilder.builder.node(Relu(), once, name: "\(node.name)/twice")
      rebuilder.replace(
        node.outputs[0],
        by: rebuilder.builder.node(Mul(), twice, half, name: "\(node.name)/halved"))
    }
    return rebuilder.finish()
  }
}
