import CONNX
package import Graphs
import Tensors

extension ModelFile {
  /// Opens the model at `path`, with errors in the form that users see.
  package convenience init(opening path: String) throws(ModelError) {
    do throws(ModelFileError) {
      try self.init(contentsOf: path)
    } catch {
      throw ModelError(error)
    }
  }

  /// The messages of the file as Swift values, checked by libonnx where it covers the model.
  ///
  /// - Throws: `ModelError` if a tensor is not sound or the checker finds a broken rule.
  package func readMessages() throws(ModelError) -> ModelMessage {
    if case .invalid(let reason) = check() {
      throw ModelError("the model breaks a rule of ONNX: \(reason)")
    }
    let reader = MessageReader { (proto) throws(ModelError) in
      do throws(TensorError) {
        return try self.tensor(proto)
      } catch {
        throw ModelError(error.description)
      }
    }
    return try withModel { (model) throws(ModelError) in try reader.model(model.pointee) }
  }
}
