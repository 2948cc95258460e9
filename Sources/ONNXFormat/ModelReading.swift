import CONNX
package import Graphs
import Tensors

extension ModelFile {
  /// The messages of the file as Swift values, checked by libonnx where it covers the model.
  ///
  /// - Throws: `ModelError` if a tensor is not sound or the checker finds a broken rule.
  package func message() throws(ModelError) -> ModelMessage {
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

extension ModelError {
  /// The error of opening a file, in the form that users see.
  package init(_ error: ModelFileError) {
    switch error.reason {
    case .unreadable(let problem):
      let isContent = problem == .empty
      self.init("\(problem)", kind: isContent ? .badData : .noInput, file: error.path)
    case .malformed(let wire): self.init("not valid ONNX: \(wire)", file: error.path)
    case .noGraph: self.init("not an ONNX model: it holds no graph", file: error.path)
    case .largeFilePointer:
      self.init(
        "a pointer of Git LFS; fetch the file itself with 'git lfs pull'", file: error.path)
    case .tensor(let tensor): self.init(tensor.description, file: error.path)
    }
  }
}
