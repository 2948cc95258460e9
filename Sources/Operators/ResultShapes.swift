import Graphs
import Kernels
import Tensors

extension Shape {
  /// No operator makes a tensor of more elements than this: a small file must not ask for one.
  static let elementLimit = 1 << 31
  /// Nor one of more dimensions: NumPy's limit.
  static let rankLimit = 64

  /// The shape of a result with these extents.
  ///
  /// - Throws: if an extent is negative, or there are more than 2^31 elements or 64 dimensions.
  init(result dimensions: [Int]) throws(OperatorError) {
    guard dimensions.count <= Self.rankLimit else {
      throw OperatorError("the result would have \(dimensions.count) dimensions, more than 64")
    }
    guard let shape = Shape(checking: dimensions) else {
      throw OperatorError("the result would have the extents \(dimensions), which is no shape")
    }
    guard shape.elementCount <= Self.elementLimit else {
      throw OperatorError("the result would be \(shape), more than 2^31 elements")
    }
    self = shape
  }

  /// The dimension that `axis` means, which counts from the end where it is negative.
  func dimension(of axis: Int) throws(OperatorError) -> Int {
    try Self.dimension(of: axis, rank: rank)
  }

  /// The dimension of a tensor of `rank` dimensions that `axis` means.
  static func dimension(of axis: Int, rank: Int) throws(OperatorError) -> Int {
    guard (-rank..<rank).contains(axis) else {
      throw OperatorError("axis \(axis) is out of range for rank \(rank)")
    }
    return axis < 0 ? axis + rank : axis
  }

  /// The dimensions that distinct axes mean, in their order.
  static func dimensions(of axes: [Int], rank: Int) throws(OperatorError) -> [Int] {
    guard axes.count <= rank, rank <= rankLimit else {
      throw OperatorError("\(axes.count) axes are given for rank \(rank)")
    }
    var dimensions: [Int] = []
    for axis in axes {
      let dimension = try dimension(of: axis, rank: rank)
      guard !dimensions.contains(dimension) else {
        throw OperatorError("axis \(axis) is given twice")
      }
      dimensions.append(dimension)
    }
    return dimensions
  }

  /// The dimensions that distinct axes mean; all of them where no axes are given.
  func dimensions(of axes: [Int]?) throws(OperatorError) -> [Int] {
    guard let axes else { return Array(indices) }
    return try Self.dimensions(of: axes, rank: rank)
  }

  /// The same shape with another extent along one dimension.
  func replacing(_ axis: Int, by extent: Int) throws(OperatorError) -> Shape {
    var dimensions = dimensions
    dimensions[axis] = extent
    return try Shape(result: dimensions)
  }
}

extension Tensor {
  /// The elements of a tensor of integers, such as axes or sizes.
  func integers(_ role: String) throws(OperatorError) -> [Int] {
    try Operand(constant: self).integers(role)
  }
}

extension [Tensor?] {
  /// The inputs as type inference sees constants.
  var operands: [Operand?] { map { $0.map(Operand.init(constant:)) } }
}

extension GradientContext {
  /// The inputs as type inference sees them.
  var operands: [Operand?] {
    node.inputs.map { $0.flatMap { builder.operand(of: $0) } }
  }

  /// Nil for each of the node's inputs after the first.
  var noOtherGradients: [Value?] { node.inputs.dropFirst().map { _ in nil } }

  /// The type of an input.
  func inputType(_ index: Int) throws(OperatorError) -> TensorType {
    try type(of: try input(index))
  }

  /// A constant of zeros.
  mutating func zeros(_ type: TensorType) -> Value {
    builder.constant(
      Tensor(repeating: 0 as Float, shape: type.shape).converted(to: type.elementType),
      name: "zeros")
  }

  /// Appends the reshaping of `value` to `shape`.
  mutating func reshape(_ value: Value, to shape: Shape) throws(OperatorError) -> Value {
    try append(
      Reshape(allowsZero: shape.contains(0)), value, integers(shape.dimensions))
  }
}
