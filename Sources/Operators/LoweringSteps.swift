import Graphs
import Kernels
import Tensors

/// Steps that several lowering rules take.
extension LoweringContext {
  /// The same elements under another shape.
  mutating func reshape(_ value: Value, to dimensions: [Int]) throws(OperatorError) -> Value {
    let allowsZero = dimensions.contains(0) && !dimensions.contains(-1)
    return try append(Reshape(allowsZero: allowsZero), value, integers(dimensions))
  }

  /// A tensor of zeros, which takes no room in the file.
  mutating func zeros(_ type: TensorType) throws(OperatorError) -> Value {
    let zero = Tensor([0.0]).converted(to: type.elementType)
    return try write(
      ConstantOfShape.self, [integers(type.shape.dimensions)], ["value": .tensor(zero)], outputs: 1)[
        0]
  }

  /// The operand where the condition holds, 0 elsewhere.
  mutating func keep(_ value: Value, where condition: Value) throws(OperatorError) -> Value {
    try append(Where(), condition, value, scalar(0, like: value))
  }

  /// A linear map along each dimension that has one, as products with matrices.
  mutating func map(_ value: Value, by maps: [AxisMap?]) throws(OperatorError) -> Value {
    var value = value
    for (axis, map) in maps.enumerated() {
      guard let map else { continue }
      value = try self.map(value, along: axis, by: map)
    }
    return value
  }

  private mutating func map(
    _ value: Value, along axis: Int, by map: AxisMap
  ) throws(OperatorError) -> Value {
    let type = try type(of: value)
    let rank = type.shape.rank
    let matrix = Tensor(map.matrix, shape: [map.outputExtent, map.inputExtent])
      .converted(to: type.elementType)
    if axis == rank - 1 {
      let columns = Tensor(map.columns, shape: [map.inputExtent, map.outputExtent])
      return try append(MatMul(), value, constant(columns.converted(to: type.elementType)))
    }
    if axis == rank - 2 { return try append(MatMul(), constant(matrix), value) }
    // The dimension goes to the place before the last and back.
    var order = Array(0..<rank)
    order.swapAt(axis, rank - 2)
    let swapped = try append(Transpose(permutation: order), value)
    let mapped = try append(MatMul(), constant(matrix), swapped)
    return try append(Transpose(permutation: order), mapped)
  }
}

extension AxisMap {
  /// The elements of the transposed matrix.
  fileprivate var columns: [Double] {
    let matrix = matrix
    return (0..<matrix.count).map {
      matrix[$0 % outputExtent * inputExtent + $0 / outputExtent]
    }
  }
}
