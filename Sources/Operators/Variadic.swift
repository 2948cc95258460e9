package import Graphs
package import Kernels
package import Tensors

/// An operator on any number of operands of one type, stretched to one shape.
package protocol VariadicElementwise: Attributeless {
  /// What joins two of them.
  var function: BinaryFunction { get }
}

extension VariadicElementwise {
  package var acceptsAnyLayout: Bool { true }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let first = try inputs.required(0)
    guard function.isDefined(for: first.elementType) else {
      throw OperatorError("the operator is not defined for \(first.elementType)")
    }
    var shape = first.shape
    for index in inputs.indices.dropFirst() {
      let next = try inputs.required(index)
      guard next.elementType == first.elementType else {
        throw OperatorError("operands are \(first.elementType) and \(next.elementType)")
      }
      guard let stretched = Shape.broadcast(shape, next.shape) else {
        throw OperatorError("\(shape) and \(next.shape) do not broadcast")
      }
      shape = stretched
    }
    return [TensorType(first.elementType, shape)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [try joined(inputs, in: workspace)]
  }

  /// All operands joined from left to right.
  fileprivate func joined(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> Tensor {
    var result = try inputs.required(0)
    for index in inputs.indices.dropFirst() {
      result = try workspace.apply(function, result, try inputs.required(index))
    }
    return result
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.commonDegree()
  }
}

/// An extremum of several operands: who attains it shares the gradient.
package protocol ExtremumOperator: VariadicElementwise {}

extension ExtremumOperator {
  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let dy = try context.outputGradient()
    let y = Formula(context.output())
    var attains: [Formula] = []
    for index in context.node.inputs.indices {
      attains.append(Formula(CastLike(), Formula(try context.input(index)) == y, Formula(dy)))
    }
    let share = Formula(dy) / Formula(Sum(), operands: attains)
    var gradients: [Value?] = []
    for (index, mask) in attains.enumerated() {
      gradients.append(try context.appendIfWanted(mask * share, index, dy))
    }
    return gradients
  }
}

/// The largest operand, element by element; NaN where one is.
///
/// Gradient: dy to the largest; several that are equal share it evenly, as PyTorch's `maximum` does.
/// <https://onnx.ai/onnx/operators/onnx__Max.html>; operands are stretched since opset 8.
package struct Max: ExtremumOperator {
  package static let specification = Specification(
    "Max", since: 1, inputs: Specification.many)
  package static let examples = [
    Example(
      "three operands",
      inputs: [Tensor([3.0, 2, 1]), Tensor([1.0, 4, 4.5]), Tensor([2.0, 5, 3])],
      outputs: [Tensor([3.0, 5, 4.5])], differentiable: [0, 1, 2]),
    Example(
      "not a number", inputs: [Tensor([Double.nan, 1]), Tensor([1, Double.nan])],
      outputs: [Tensor([Double.nan, .nan])]),
    Example(
      "of a scalar", inputs: [Tensor([3.0, -2]), Tensor(scalar: 1.0)],
      outputs: [Tensor([3.0, 1])], differentiable: [0, 1]),
  ]

  package init() {}
  package var function: BinaryFunction { .maximum }
}

/// The smallest operand, element by element; NaN where one is.
///
/// Gradient: dy to the smallest; several that are equal share it evenly, as PyTorch's `minimum`
/// does. <https://onnx.ai/onnx/operators/onnx__Min.html>; operands are stretched since opset 8.
package struct Min: ExtremumOperator {
  package static let specification = Specification(
    "Min", since: 1, inputs: Specification.many)
  package static let examples = [
    Example(
      "three operands",
      inputs: [Tensor([3.0, 2, 1]), Tensor([1.0, 4, 4.5]), Tensor([2.0, 5, 3])],
      outputs: [Tensor([1.0, 2, 1])], differentiable: [0, 1, 2])
  ]

  package init() {}
  package var function: BinaryFunction { .minimum }
}

/// The sum of all operands.
///
/// Gradient: dy of each. <https://onnx.ai/onnx/operators/onnx__Sum.html>; operands are stretched
/// since opset 8.
package struct Sum: VariadicElementwise {
  package static let specification = Specification(
    "Sum", since: 1, inputs: Specification.many)
  package static let examples = [
    Example(
      "three operands", inputs: [Tensor([3.0, 0]), Tensor([1.0, 4]), Tensor([0.5])],
      outputs: [Tensor([4.5, 4.5])], differentiable: [0, 1, 2])
  ]

  package init() {}
  package var function: BinaryFunction { .add }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let dy = try context.outputGradient()
    return context.node.inputs.map { _ in dy }
  }
}

/// The mean of all operands.
///
/// Gradient: dy / n of each. <https://onnx.ai/onnx/operators/onnx__Mean.html>; operands are
/// stretched since opset 8.
package struct Mean: VariadicElementwise {
  package static let specification = Specification(
    "Mean", since: 1, inputs: Specification.many)
  package static let examples = [
    Example(
      "three operands", inputs: [Tensor([3.0, 0]), Tensor([1.0, 4]), Tensor([0.5])],
      outputs: [Tensor([1.5, 1.5])], differentiable: [0, 1, 2])
  ]

  package init() {}
  package var function: BinaryFunction { .add }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let sum = try joined(inputs, in: workspace)
    let count = Tensor(scalar: Double(inputs.count)).converted(to: sum.elementType)
    return [try workspace.apply(.divide, sum, count)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    let dy = try context.outputGradient()
    let share = Formula(dy) / Formula(Double(context.node.inputs.count))
    let gradient = try context.append(share, numbersLike: dy)
    return context.node.inputs.map { _ in gradient }
  }
}
