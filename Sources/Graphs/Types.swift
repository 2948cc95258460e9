import Kernels
package import Tensors

/// The element type and the concrete shape of a value in a specialised graph.
package struct TensorType: Hashable, Sendable, CustomStringConvertible {
  package let elementType: ElementType
  package let shape: Shape

  package init(_ elementType: ElementType, _ shape: Shape) {
    self.elementType = elementType
    self.shape = shape
  }

  /// The type that this tensor has.
  package init(of tensor: Tensor) { self.init(tensor.elementType, tensor.shape) }

  /// Shape and element type, as in `1x3x224x224 float32`.
  package var description: String { "\(shape) \(elementType)" }
}

/// One extent of a model input: a number, or a name for what the caller decides.
package enum Dimension: Hashable, Sendable, CustomStringConvertible {
  case fixed(Int)
  case symbolic(String)

  package var description: String {
    switch self {
    case .fixed(let extent): String(extent)
    case .symbolic(let name): name.isEmpty ? "?" : name
    }
  }
}

/// What a model file says of an input or output: an element type and, if known, its extents.
package struct DeclaredType: Hashable, Sendable, CustomStringConvertible {
  package let elementType: ElementType
  package let dimensions: [Dimension]?

  package init(_ elementType: ElementType, _ dimensions: [Dimension]?) {
    self.elementType = elementType
    self.dimensions = dimensions
  }

  /// The concrete shape, where no extent is left open.
  package var shape: Shape? {
    guard let dimensions else { return nil }
    var extents: [Int] = []
    for dimension in dimensions {
      guard case .fixed(let extent) = dimension else { return nil }
      extents.append(extent)
    }
    return Shape(checking: extents)
  }

  /// Extents and element type, as in `batchx3x224x224 float32`.
  package var description: String {
    let extents = dimensions.map { $0.map(\.description).joined(separator: "x") } ?? "any shape"
    return "\(extents.isEmpty ? "scalar" : extents) \(elementType)"
  }
}

/// An input of a node as type inference sees it: its type and, where it is known, its content.
package struct Operand: Sendable {
  package let type: TensorType
  package let constant: Tensor?

  package init(_ type: TensorType, constant: Tensor? = nil) {
    self.type = type
    self.constant = constant
  }

  package init(constant: Tensor) { self.init(TensorType(of: constant), constant: constant) }

  package var elementType: ElementType { type.elementType }
  package var shape: Shape { type.shape }

  /// The integers of a constant operand, such as the axes of a reduction.
  ///
  /// - Throws: if the operand is computed from the model's input; `role` names it in the message.
  package func integers(_ role: String) throws(OperatorError) -> [Int] {
    guard let constant else {
      throw OperatorError("\(role) depends on the model's input values, which is not supported")
    }
    guard constant.elementType.isInteger else {
      throw OperatorError("\(role) must be integers, not \(constant.elementType)")
    }
    return constant.converted(to: .int64).elements(as: Int64.self).map(Int.init)
  }

  /// The number in a constant operand of one element.
  ///
  /// - Throws: if the operand is computed from the model's input or has several elements.
  package func scalar(_ role: String) throws(OperatorError) -> Double {
    guard let constant else {
      throw OperatorError("\(role) depends on the model's input values, which is not supported")
    }
    guard constant.elementCount == 1 else {
      throw OperatorError("\(role) must be a single number, not \(constant)")
    }
    return constant.converted(to: .float64).elements(as: Double.self)[0]
  }
}
