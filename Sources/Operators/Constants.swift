package import Graphs
package import Kernels
package import Tensors

/// A tensor that stands in the node itself.
///
/// It is one of the attributes `value`, and since opset 12 `value_float`, `value_floats`, `value_int`
/// and `value_ints`; strings and sparse tensors are refused.
/// <https://onnx.ai/onnx/operators/onnx__Constant.html>
package struct Constant: Operator {
  private let value: Tensor

  package static let specification = Specification("Constant", inputs: 0...0)

  package static let examples = [
    Example(
      "a tensor", attributes: ["value": .tensor(Tensor([1.0, 2], shape: [1, 2]))], inputs: [],
      outputs: [Tensor([1.0, 2], shape: [1, 2])]),
    Example(
      "a number", attributes: ["value_float": .float(0.5)], inputs: [],
      outputs: [Tensor(scalar: 0.5)]),
    Example(
      "integers", attributes: ["value_ints": .ints([3, 4])], inputs: [],
      outputs: [Tensor([3, 4] as [Int64])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let floats = attributes.precision.computeType(of: .float32)
    if let tensor = try attributes.tensor("value") {
      self.value = tensor
    } else if let number = try attributes.float("value_float") {
      self.value = Tensor(scalar: number).converted(to: floats)
    } else if let numbers = try attributes.floats("value_floats") {
      self.value = Tensor(numbers).converted(to: floats)
    } else if let number = try attributes.int("value_int") {
      self.value = Tensor(scalar: Int64(number))
    } else if let numbers = try attributes.ints("value_ints") {
      self.value = Tensor(numbers.map(Int64.init))
    } else {
      throw OperatorError("a constant without a tensor, float or integer value is not supported")
    }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    [TensorType(of: value)]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    [value]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] { [] }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    value.isZero ? .zero : .exactly(0)
  }
}

/// A tensor of the shape that the input holds, with one number everywhere: 0 if `value` is left out.
///
/// It has no gradient. <https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html>
package struct ConstantOfShape: Operator {
  private let value: Tensor

  package static let specification = Specification(
    "ConstantOfShape", opsets: 9...Specification.newestOpset, inputs: 1...1)

  package static let examples = [
    Example(
      "twos", attributes: ["value": .tensor(Tensor([2.0]))], inputs: [Tensor([2, 1] as [Int64])],
      outputs: [Tensor([2.0, 2], shape: [2, 1])]),
    Example(
      "an integer scalar", attributes: ["value": .tensor(Tensor([7] as [Int32]))],
      inputs: [Tensor([Int64]())], outputs: [Tensor(scalar: 7 as Int32)]),
    Example("zeros", inputs: [Tensor([3] as [Int64])], outputs: [Tensor([0.0, 0, 0])]),
  ]

  package init(_ attributes: inout Attributes) throws(OperatorError) {
    let type = attributes.precision.computeType(of: .float32)
    self.value = try attributes.tensor("value") ?? Tensor([0.0]).converted(to: type)
    guard value.elementCount == 1 else {
      throw OperatorError("attribute value holds \(value.elementCount) elements, not one")
    }
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let extents = try inputs.required(0).integers("the shape")
    return [TensorType(value.elementType, try Shape(result: extents))]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let shape = try Shape(result: try inputs.required(0).integers("the shape"))
    return [workspace.filled(shape, with: value)]
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    value.isZero ? .zero : .exactly(0)
  }
}

/// The operator `Range`: numbers from `start` up to `limit`, not included, `delta` apart.
///
/// It has no gradient, since its operands decide the shape and must be constants.
/// <https://onnx.ai/onnx/operators/onnx__Range.html>
package struct NumberRange: Operator {
  package static let specification = Specification(
    "Range", opsets: 11...Specification.newestOpset, inputs: 3...3)

  package static let examples = [
    Example(
      "integers downward",
      inputs: [
        Tensor(scalar: 10 as Int64), Tensor(scalar: 4 as Int64), Tensor(scalar: -3 as Int64),
      ],
      outputs: [Tensor([10, 7] as [Int64])]),
    Example(
      "floats", inputs: [Tensor(scalar: 1.0), Tensor(scalar: 2.1), Tensor(scalar: 0.5)],
      outputs: [Tensor([1.0, 1.5, 2.0])]),
    Example(
      "none",
      inputs: [
        Tensor(scalar: 3 as Int64), Tensor(scalar: 3 as Int64), Tensor(scalar: 1 as Int64),
      ],
      outputs: [Tensor([Int64]())]),
  ]

  package init(_ attributes: inout Attributes) {
    // The precision of 16-bit floats, which are computed in float32 here: what it asks for.
    attributes.ignore("stash_type")
  }

  package func infer(_ inputs: [Operand?]) throws(OperatorError) -> [TensorType] {
    let start = try inputs.required(0)
    guard try inputs.required(1).elementType == start.elementType,
      try inputs.required(2).elementType == start.elementType, start.elementType != .bool
    else { throw OperatorError("start, limit and delta must be numbers of one type") }
    return [TensorType(start.elementType, [try progression(inputs).count])]
  }

  package func forward(
    _ inputs: [Tensor?], in workspace: Workspace
  ) throws(OperatorError) -> [Tensor] {
    let type = try inputs.required(0).elementType
    switch try progression(inputs.operands) {
    case .integers(let start, let delta, let count):
      let elements = (0..<count).map { Int64(start &+ delta &* $0) }
      return [Tensor(elements).converted(to: type)]
    case .floats(let start, let delta, let count):
      return [Tensor((0..<count).map { start + delta * Double($0) }).converted(to: type)]
    }
  }

  package func gradient(_ context: inout GradientContext) throws(OperatorError) -> [Value?] {
    [nil, nil, nil]
  }

  package func homogeneity(_ inputs: [HomogeneityOperand?]) throws(Inhomogeneity) -> Degree {
    try inputs.constantDegree(or: "counts from or to a value of the model's input")
  }

  private enum Progression {
    case integers(start: Int, delta: Int, count: Int)
    case floats(start: Double, delta: Double, count: Int)

    var count: Int {
      switch self {
      case .integers(_, _, let count), .floats(_, _, let count): count
      }
    }
  }

  private func progression(_ inputs: [Operand?]) throws(OperatorError) -> Progression {
    let roles = ["the start", "the limit", "the delta"]
    var numbers: [Double] = []
    var integers: [Int] = []
    for (index, role) in roles.enumerated() {
      let operand = try inputs.required(index)
      numbers.append(try operand.scalar(role))
      if operand.elementType.isInteger { integers += try operand.integers(role) }
    }
    let (start, limit, delta) = (numbers[0], numbers[1], numbers[2])
    guard delta != 0 else { throw OperatorError("the delta is 0") }
    let steps = ((limit - start) / delta).rounded(.up)
    guard steps <= Double(Shape.elementLimit) else {
      throw OperatorError("the result would have \(steps) elements, more than 2^31")
    }
    guard integers.count == 3 else {
      return .floats(start: start, delta: delta, count: steps > 0 ? Int(steps) : 0)
    }
    let (first, end, step) = (integers[0], integers[1], integers[2])
    guard step > 0 ? first < end : first > end else {
      return .integers(start: first, delta: step, count: 0)
    }
    let distance = step > 0 ? UInt(bitPattern: end &- first) : UInt(bitPattern: first &- end)
    return .integers(
      start: first, delta: step, count: Int((distance - 1) / step.magnitude) + 1)
  }
}
