import Kernels
import Tensors

extension TensorType {
  /// Bytes of a tensor of this type.
  ///
  /// - Throws: `OperatorError` if they are more than this machine gives, which a few bytes of a
  ///   file can ask for.
  func checkedByteCount() throws(OperatorError) -> Int {
    let (bytes, overflow) = shape.elementCount.multipliedReportingOverflow(by: elementType.size)
    guard !overflow, bytes <= Workspace.memoryLimit else {
      throw OperatorError("its output \(self) is larger than this machine's memory")
    }
    return bytes
  }
}
