package import Graphs
package import Kernels
import Tensors

/// The sum along axes.
///
/// Gradient: dy, stretched. <https://onnx.ai/onnx/operators/onnx__ReduceSum.html>; axes are an
/// input since opset 13.
package struct ReduceSum: ReductionOperator {
  package static let specification = Specification("ReduceSum", since: 1, inputs: 1...2)
  package static let reduction = Reduction.sum
  package static let axesInputSince = 13
  package static let examples = [
    Example(
      "rows", inputs: [.twoByThree, Tensor([1 as Int64])],
      outputs: [Tensor([0.0, 3.5], shape: [2, 1])], differentiable: [0]),
    Example(
      "everything, opset 11", attributes: ["keepdims": .int(0)], opset: 11, inputs: [.twoByThree],
      outputs: [Tensor(scalar: 3.5)], differentiable: [0]),
    Example(
      "the middle of three axes", attributes: ["axes": .ints([-2]), "keepdims": .int(0)], opset: 11,
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [2, 2, 2])],
      outputs: [Tensor([4.0, 6, 12, 14], shape: [2, 2])], differentiable: [0]),
    Example(
      "no axes", attributes: ["noop_with_empty_axes": .int(1)], inputs: [Tensor([1.0, 2])],
      outputs: [Tensor([1.0, 2])], differentiable: [0]),
    Example(
      "nothing", inputs: [Tensor([] as [Double], shape: [2, 0]), Tensor([1 as Int64])],
      outputs: [Tensor([0.0, 0], shape: [2, 1])]),
    Example(
      "integers", inputs: [Tensor([1 as Int32, 2, 3])], outputs: [Tensor([6 as Int32])]),
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    along.stretch(dy)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The mean along axes.
///
/// Gradient: dy / n, stretched. <https://onnx.ai/onnx/operators/onnx__ReduceMean.html>; axes are
/// an input since opset 18, as in the reductions below.
package struct ReduceMean: ReductionOperator {
  package static let specification = Specification("ReduceMean", since: 1, inputs: 1...2)
  package static let reduction = Reduction.mean
  package static let examples = [
    Example(
      "columns", inputs: [.twoByThree, Tensor([0 as Int64])],
      outputs: [Tensor([1.25, -0.5, 1], shape: [1, 3])], differentiable: [0]),
    Example(
      "pixels", attributes: ["axes": .ints([2, 3]), "keepdims": .int(0)], opset: 13,
      inputs: [Tensor([1.0, 2, 3, 4, 5, 6, 7, 8], shape: [1, 2, 2, 2])],
      outputs: [Tensor([2.5, 6.5], shape: [1, 2])], differentiable: [0]),
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    along.stretch(dy * Formula(1 / Double(along.count)))
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// A maximum or minimum along axes: who attains it shares the gradient.
package protocol ReductionToExtremum: ReductionOperator {}

extension ReductionToExtremum {
  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    let attains = Formula(CastLike(), x == y, dy)
    let count = Formula(ReduceSum(axes: along.axes, keepDimensions: true), attains)
    return attains * (dy / count)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The maximum along axes.
///
/// Gradient: dy to the largest; several that are equal share it evenly, as PyTorch's `amax` does.
/// <https://onnx.ai/onnx/operators/onnx__ReduceMax.html>.
package struct ReduceMax: ReductionToExtremum {
  package static let specification = Specification("ReduceMax", since: 1, inputs: 1...2)
  package static let reduction = Reduction.maximum
  package static let examples = [
    Example(
      "rows", attributes: ["keepdims": .int(0)], inputs: [.twoByThree, Tensor([1 as Int64])],
      outputs: [Tensor([1.0, 4])], differentiable: [0]),
    Example(
      "Booleans", attributes: ["keepdims": .int(0)], inputs: [Tensor([true, false])],
      outputs: [Tensor(scalar: true)]),
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }
}

/// The minimum along axes.
///
/// Gradient: dy to the smallest; several that are equal share it evenly, as PyTorch's `amin` does.
/// <https://onnx.ai/onnx/operators/onnx__ReduceMin.html>.
package struct ReduceMin: ReductionToExtremum {
  package static let specification = Specification("ReduceMin", since: 1, inputs: 1...2)
  package static let reduction = Reduction.minimum
  package static let examples = [
    Example(
      "columns", attributes: ["keepdims": .int(0)], inputs: [.twoByThree, Tensor([0 as Int64])],
      outputs: [Tensor([-1.5, -2, 0.5])], differentiable: [0])
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }
}

/// The product along axes.
///
/// Gradient: dy times the product of the other elements, which may contain zeros.
/// <https://onnx.ai/onnx/operators/onnx__ReduceProd.html>.
package struct ReduceProd: ReductionOperator {
  package static let specification = Specification("ReduceProd", since: 1, inputs: 1...2)
  package static let reduction = Reduction.product
  package static let examples = [
    Example(
      "rows, one with a zero",
      inputs: [Tensor([2.0, 3, 4, 0, 3, 5], shape: [2, 3]), Tensor([1 as Int64])],
      outputs: [Tensor([24.0, 0], shape: [2, 1])], differentiable: [0]),
    Example(
      "everything", attributes: ["keepdims": .int(0)], inputs: [.twoByThree],
      outputs: [Tensor(scalar: 9.0)], differentiable: [0]),
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    var operands = [x]
    for axis in along.axes {
      operands.append(
        Formula(ReduceProd(axes: [axis], keepDimensions: true), operands[operands.count - 1]))
    }
    return zip(along.axes, operands).reversed().reduce(dy) { gradient, step in
      let (axis, operand) = step
      let before = Formula(CumProd(axis: axis, exclusive: true, reverse: false), operand)
      let after = Formula(CumProd(axis: axis, exclusive: true, reverse: true), operand)
      return gradient * before * after
    }
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "ReduceProd multiplies values that depend on the model's input")
  }
}

/// The sum of magnitudes along axes.
///
/// Gradient: dy sign(x). <https://onnx.ai/onnx/operators/onnx__ReduceL1.html>.
package struct ReduceL1: ReductionOperator {
  package static let specification = Specification("ReduceL1", since: 1, inputs: 1...2)
  package static let reduction = Reduction.l1
  package static let examples = [
    Example(
      "rows", inputs: [.twoByThree, Tensor([1 as Int64])],
      outputs: [Tensor([3.0, 7.5], shape: [2, 1])], differentiable: [0])
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    dy * Formula(Sign(), x)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The root of the sum of squares along axes.
///
/// Gradient: dy x / y, and 0 where y is 0, as in PyTorch.
/// <https://onnx.ai/onnx/operators/onnx__ReduceL2.html>.
package struct ReduceL2: ReductionOperator {
  package static let specification = Specification("ReduceL2", since: 1, inputs: 1...2)
  package static let reduction = Reduction.l2
  package static let examples = [
    Example(
      "rows", attributes: ["keepdims": .int(0)],
      inputs: [Tensor([3.0, 4, 5, -12], shape: [2, 2]), Tensor([1 as Int64])],
      outputs: [Tensor([5.0, 13])], differentiable: [0])
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    x * (dy / y).where(y > 0, else: 0)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.firstDegree()
  }
}

/// The sum of squares along axes.
///
/// Gradient: 2 dy x. <https://onnx.ai/onnx/operators/onnx__ReduceSumSquare.html>.
package struct ReduceSumSquare: ReductionOperator {
  package static let specification = Specification("ReduceSumSquare", since: 1, inputs: 1...2)
  package static let reduction = Reduction.sumOfSquares
  package static let examples = [
    Example(
      "rows", inputs: [.twoByThree, Tensor([1 as Int64])],
      outputs: [Tensor([3.5, 22.25], shape: [2, 1])], differentiable: [0]),
    Example(
      "no axes: squares", attributes: ["noop_with_empty_axes": .int(1)],
      inputs: [Tensor([3.0, -2])], outputs: [Tensor([9.0, 4])], differentiable: [0]),
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    2 * dy * x
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    Array(inputs.prefix(1) + inputs.prefix(1)).productDegree()
  }
}

/// The logarithm of the sum along axes.
///
/// Gradient: dy / exp(y), stretched. <https://onnx.ai/onnx/operators/onnx__ReduceLogSum.html>.
package struct ReduceLogSum: ReductionOperator {
  package static let specification = Specification("ReduceLogSum", since: 1, inputs: 1...2)
  package static let reduction = Reduction.logOfSum
  package static let examples = [
    Example(
      "rows", attributes: ["keepdims": .int(0)],
      inputs: [Tensor([0.25, 0.75, 3, 1], shape: [2, 2]), Tensor([1 as Int64])],
      outputs: [Tensor([0, 1.3862943611198906])], differentiable: [0])
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    along.stretch(dy * Formula(Exp(), -y))
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "ReduceLogSum turns a factor into a summand")
  }
}

/// The logarithm of the sum of exponentials along axes, without overflow.
///
/// Gradient: dy exp(x - y). <https://onnx.ai/onnx/operators/onnx__ReduceLogSumExp.html>.
package struct ReduceLogSumExp: ReductionOperator {
  package static let specification = Specification("ReduceLogSumExp", since: 1, inputs: 1...2)
  package static let reduction = Reduction.logOfSumOfExponentials
  package static let examples = [
    Example(
      "large and small numbers",
      inputs: [Tensor([1000.0, 1000, -2, 0], shape: [2, 2]), Tensor([1 as Int64])],
      outputs: [Tensor([1000.6931471805599, 0.1269280110429725], shape: [2, 1])],
      differentiable: [0])
  ]

  package let form: ReductionForm
  package init(form: ReductionForm) { self.form = form }

  package func gradient(
    _ x: Formula, _ y: Formula, _ dy: Formula, _ along: ReducedAxes
  ) -> Formula {
    dy * Formula(Exp(), x - y)
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "ReduceLogSumExp turns summands into factors")
  }
}

extension Tensor {
  /// Two rows of three numbers, no two of a row or column alike.
  fileprivate static var twoByThree: Tensor {
    Tensor([-1.5, 1, 0.5, 4, -2, 1.5], shape: [2, 3])
  }
}
