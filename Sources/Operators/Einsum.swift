package import Graphs
package import Kernels
package import Tensors

/// A sum of products in Einstein's notation: `bij,bjk->bik` is a stack of matrix products.
///
/// Letters name dimensions; what does not stand right of the arrow is summed over; without an arrow
/// the result has the letters that occur once, in alphabetical order. A letter twice in one term
/// means the diagonal, `...` the dimensions that are left, broadcast. Gradient: the sum with dy in the
/// place of the operand and the operand's letters on the right.
/// <https://onnx.ai/onnx/operators/onnx__Einsum.html>
package struct Einsum: Spelled {
  private let equation: EinsteinEquation

  package static let specification = Specification(
    "Einsum", opsets: 12...Specification.newestOpset, inputs: Specification.many)

  package static let examples = [
    Example(
      "stacks of matrices", attributes: ["equation": .string("bij, bjk -> bik")],
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 1, 2]), Tensor([5.0, 6, 7, 8], shape: [2, 2, 1]),
      ], outputs: [Tensor([17.0, 53], shape: [2, 1, 1])], differentiable: [0, 1]),
    Example(
      "diagonals", attributes: ["equation": .string("...ii->...i")],
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 2, 2])],
      outputs: [Tensor([1.0, 4, 5, 8], shape: [2, 2])]),
    Example(
      "sums of one operand", attributes: ["equation": .string("ij->i")],
      inputs: [Tensor([1.0, 2, 3, 4], shape: [2, 2])], outputs: [Tensor([3.0, 7])],
      differentiable: [0]),
    Example(
      "three operands, broadcast, no arrow", attributes: ["equation": .string("...b,a,ab")],
      inputs: [
        Tensor([1.0, 2, 3, 4], shape: [2, 2]), Tensor([2.0, 3]),
        Tensor([1.0, 0, 1, 1], shape: [2, 2]),
      ], outputs: [Tensor([11.0, 27])], differentiable: [0, 1, 2]),
  ]

  private init(_ equation: EinsteinEquation) { self.equation = equation }

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    guard let text = try attributes.string("equation") else {
      throw OperatorError("attribute equation is missing")
    }
    self.equation = try EinsteinEquation(parsing: text)
  }

  package var spelling: [String: AttributeValue]? {
    equation.text.map { ["equation": .string($0)] }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let first = try inputs.required(0)
    guard inputs.allSatisfy({ $0?.elementType == first.elementType }),
      first.elementType.isFloatingPoint
    else { throw OperatorError("the operands must be floating-point tensors of one type") }
    let shapes = inputs.compactMap { $0?.shape }
    let labels = try equation.labels(ranks: shapes.map(\.rank))
    let extents = try labels.extents(of: shapes)
    return [
      TensorType(
        first.elementType, try Shape(result: labels.output.map { extents[$0] ?? 1 }))
    ]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let operands = inputs.compactMap(\.self)
    let labels = try equation.labels(ranks: operands.map(\.shape.rank))
    return [try workspace.contract(operands, labels: labels.inputs, output: labels.output)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    var shapes: [Shape] = []
    for index in context.node.inputs.indices { shapes.append(try context.inputType(index).shape) }
    let labels = try equation.labels(ranks: shapes.map(\.rank))
    let extents = try labels.extents(of: shapes)
    let dy = try context.outputGradient()
    var gradients: [Value?] = []
    for (index, wanted) in labels.inputs.enumerated() {
      guard context.wants(index) else {
        gradients.append(nil)
        continue
      }
      guard Set(wanted).count == wanted.count else {
        throw OperatorError("the gradient of a diagonal is not defined")
      }
      var terms = labels.inputs
      var operands = context.node.inputs
      (terms[index], operands[index]) = (labels.output, dy)
      let absent = wanted.filter { label in !terms.joined().contains(label) }
      if !absent.isEmpty {
        let ones = Tensor(repeating: 1 as Float, shape: Shape(absent.map { extents[$0] ?? 1 }))
        let type = try context.type(of: dy).elementType
        operands.append(context.builder.constant(ones.converted(to: type), name: "ones"))
        terms.append(absent)
      }
      gradients += try context.builder.append(
        Einsum(EinsteinEquation(inputs: terms, output: wanted)), operands,
        name: "\(context.node.name)/gradient", outputNames: [])
    }
    return gradients
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    inputs.productDegree()
  }
}
