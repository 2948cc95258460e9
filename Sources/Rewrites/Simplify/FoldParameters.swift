package import Graphs
package import Kernels
import Tensors

extension Graph {
  /// Computes floating-point parameters that a file holds in Constant nodes, or behind nodes that only
  /// copy or rearrange an initializer, so that passes find them as constants.
  ///
  /// It works on a graph that is not specialised; the constants keep the element type of the file.
  ///
  /// - Throws: `ModelError` that names a node that refuses its operands.
  package func foldingParameters(in workspace: Workspace) throws(ModelError) -> Graph {
    var rebuilder = GraphRebuilder(self)
    for node in nodes {
      guard let folded = try folded(node, &rebuilder, workspace) else {
        try rebuilder.copy(node)
        continue
      }
      let value = rebuilder.builder.constant(
        folded.stored, name: name(of: node.outputs[0]), elementType: folded.elementType)
      rebuilder.replace(node.outputs[0], by: value)
    }
    return rebuilder.finish().withoutDeadNodes()
  }

  private static let rearrangements: Set = [
    "Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose",
  ]

  private func folded(
    _ node: Node, _ rebuilder: inout GraphRebuilder, _ workspace: Workspace
  ) throws(ModelError) -> (stored: Tensor, elementType: ElementType)? {
    guard node.outputs.count == 1, !outputs.contains(node.outputs[0]) else { return nil }
    let isConstant = node.operatorName == "Constant"
    guard isConstant || Self.rearrangements.contains(node.operatorName) else { return nil }
    var operands: [Tensor?] = []
    for input in node.inputs {
      guard let input else {
        operands.append(nil)
        continue
      }
      guard rebuilder.isKnown(input) else { return nil }
      let value = rebuilder(input)
      guard let constant = rebuilder.builder.graph.constant(of: value) else { return nil }
      operands.append(constant)
    }
    let result: Tensor
    do throws(OperatorError) {
      result = workspace.rowMajor(try node.operation.forward(operands, in: workspace)[0])
    } catch {
      throw ModelError(error.description, node: node.label(opset: opset))
    }
    guard result.elementType.isFloatingPoint else { return nil }
    var stored = result.elementType
    if case .tensor(let tensor)? = node.attributes?["value"] { stored = tensor.elementType }
    if node.operatorName != "Cast", let first = node.inputs.first ?? nil,
      let source = rebuilder.builder.graph.storedConstant(of: rebuilder(first))
    {
      stored = source.elementType
    }
    return (result.converted(to: stored), result.elementType)
  }
}
