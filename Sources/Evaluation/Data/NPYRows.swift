import Foundation
import Graphs
import Tensors

/// The rows of a `.npy` file, which stays mapped and is never read as a whole.
struct NPYRows: Sendable {
  private let data: Data
  private let header: NPYHeader

  /// How many rows there are.
  var count: Int { header.shape.first ?? 0 }

  /// The shape of the whole array.
  var shape: Shape { header.shape }

  /// Maps a file.
  init(contentsOf path: String) throws(ModelError) {
    do {
      data = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
    } catch {
      throw ModelError("the file cannot be read", kind: .noInput)
    }
    let result = data.withUnsafeBytes { bytes in
      Result { () throws(NPYError) in try NPYHeader(checking: bytes) }
    }
    do throws(NPYError) {
      header = try result.get()
    } catch {
      throw ModelError(error.description)
    }
    guard header.shape.rank > 0 else { throw ModelError("a single number is no data set") }
    guard !header.isFortranOrder || header.shape.rank == 1 else {
      throw ModelError("its rows lie apart (Fortran order); save it with numpy.ascontiguousarray")
    }
  }

  /// One row, as a batch of one.
  func row(_ index: Int) -> Tensor {
    data.withUnsafeBytes { header.rows(index..<(index + 1), of: $0) }
  }
}
