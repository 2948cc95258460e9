import Graphs
package import Tensors

extension Tensor {
  /// Writes this tensor's TensorProto: dimensions, type, name if it has one, raw data.
  ///
  /// - Precondition: the layout is row-major.
  package func encode(named name: String = "", to writer: inout WireWriter) {
    precondition(layout == .rowMajor, "a \(layout) tensor encoded")
    for extent in shape { writer.write(1, extent) }
    writer.write(2, elementType.onnxNumber)
    if !name.isEmpty { writer.write(8, name) }
    writer.write(9, elementsOf: self)
  }

  /// A serialized TensorProto of this tensor: the contents of a `.pb` file.
  ///
  /// - Precondition: the layout is row-major.
  package func encoded(named name: String = "") -> [UInt8] {
    var writer = WireWriter()
    encode(named: name, to: &writer)
    return writer.bytes
  }
}
