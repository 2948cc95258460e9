package import Tensors

/// A small case of an operator with a known result.
///
/// The tests check for each: that the inferred types are the actual ones, that `forward` gives the
/// expected outputs in float64 and float32, and that the gradient agrees with central differences.
package struct Example: Sendable, CustomStringConvertible {
  /// What the case shows.
  package let description: String
  package let attributes: [String: AttributeValue]
  package let opset: Int
  /// The inputs, floating-point ones in float64; nil where an optional one is left out.
  package let inputs: [Tensor?]
  /// The outputs, floating-point ones in float64.
  package let outputs: [Tensor]
  /// The inputs whose gradient is compared with central differences. They must lie away from kinks
  /// by more than 1e-3.
  package let differentiable: [Int]
  /// The relative error that float32 kernels are allowed.
  package let tolerance: Double

  package init(
    _ description: String, attributes: [String: AttributeValue] = [:],
    opset: Int = Specification.newestOpset, inputs: [Tensor?], outputs: [Tensor],
    differentiable: [Int] = [], tolerance: Double = 1e-5
  ) {
    self.description = description
    self.attributes = attributes
    self.opset = opset
    self.inputs = inputs
    self.outputs = outputs
    self.differentiable = differentiable
    self.tolerance = tolerance
  }
}
