package import Graphs
package import Kernels
package import Tensors

/// A relation between two operands, stretched to one shape: true or false, without a gradient.
package protocol ComparisonOperator: ElementwiseBinary {
  var relation: Comparison { get }
}

extension ComparisonOperator {
  package func resultType(_ a: ElementType, _ b: ElementType) throws(OperatorError) -> ElementType {
    guard a == b else { throw OperatorError("operands are \(a) and \(b)") }
    guard relation == .equal || a != .bool else { throw OperatorError("bool has no order") }
    return .bool
  }

  package func compute(
    _ a: Tensor, _ b: Tensor, in workspace: Workspace
  ) throws(OperatorError) -> Tensor {
    try workspace.compare(relation, a, b)
  }

  package func gradients(
    _ a: Formula, _ b: Formula, _ y: Formula, _ dy: Formula
  ) -> (a: Formula?, b: Formula?) {
    (nil, nil)
  }

  /// Scaling both operands alike changes nothing.
  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    do throws(Inhomogeneity) {
      return try inputs.commonDegree() == .none ? .none : .exactly(0)
    } catch {
      throw Inhomogeneity("compares values that do not scale alike")
    }
  }
}

/// Whether both operands are equal.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__Equal.html>.
package struct Equal: ComparisonOperator {
  package static let specification = Specification("Equal", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "smaller, equal, larger", inputs: [Tensor([1.0, 2, 3]), Tensor([2.0, 2, 2])],
      outputs: [Tensor([false, true, false])])
  ]

  package init() {}
  package var relation: Comparison { .equal }
}

/// Whether the first operand is smaller.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__Less.html>.
package struct Less: ComparisonOperator {
  package static let specification = Specification("Less", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "smaller, equal, larger", inputs: [Tensor([1.0, 2, 3]), Tensor([2.0, 2, 2])],
      outputs: [Tensor([true, false, false])])
  ]

  package init() {}
  package var relation: Comparison { .less }
}

/// Whether the first operand is not larger.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__LessOrEqual.html>.
package struct LessOrEqual: ComparisonOperator {
  package static let specification = Specification("LessOrEqual", since: 12, inputs: 2...2)
  package static let examples = [
    Example(
      "smaller, equal, larger", inputs: [Tensor([1.0, 2, 3]), Tensor([2.0, 2, 2])],
      outputs: [Tensor([true, true, false])])
  ]

  package init() {}
  package var relation: Comparison { .lessOrEqual }
}

/// Whether the first operand is larger.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__Greater.html>.
package struct Greater: ComparisonOperator {
  package static let specification = Specification("Greater", since: 7, inputs: 2...2)
  package static let examples = [
    Example(
      "smaller, equal, larger", inputs: [Tensor([1.0, 2, 3]), Tensor([2.0, 2, 2])],
      outputs: [Tensor([false, false, true])])
  ]

  package init() {}
  package var relation: Comparison { .greater }
}

/// Whether the first operand is not smaller.
///
/// The derivative is zero almost everywhere.
/// <https://onnx.ai/onnx/operators/onnx__GreaterOrEqual.html>.
package struct GreaterOrEqual: ComparisonOperator {
  package static let specification = Specification("GreaterOrEqual", since: 12, inputs: 2...2)
  package static let examples = [
    Example(
      "smaller, equal, larger", inputs: [Tensor([1.0, 2, 3]), Tensor([2.0, 2, 2])],
      outputs: [Tensor([false, true, true])])
  ]

  package init() {}
  package var relation: Comparison { .greaterOrEqual }
}
