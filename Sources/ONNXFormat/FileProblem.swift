import CONNX
import Foundation

/// Why a file could not be read.
package enum FileProblem: Error, Hashable, CustomStringConvertible {
  case missing, denied, directory, irregular, empty
  /// Another error of the system.
  case system(errno: Int32)
  /// A location of external data that names nothing inside the model's folder.
  case location(Location)
  /// A component of a location is a symbolic link.
  case symbolicLink
  /// The file of a location has further names.
  case hardLink

  /// What is wrong with a location.
  package enum Location: Hashable, Sendable {
    case empty, nul, absolute, parent, foreign, inMemory, tooLong
  }

  /// Nil if the status is success.
  init?(_ status: connx_file_status) {
    switch status.code {
    case CONNX_FILE_OK: return nil
    case CONNX_FILE_MISSING: self = .missing
    case CONNX_FILE_DENIED: self = .denied
    case CONNX_FILE_DIRECTORY: self = .directory
    case CONNX_FILE_IRREGULAR: self = .irregular
    case CONNX_FILE_EMPTY: self = .empty
    case CONNX_FILE_SYMBOLIC_LINK: self = .symbolicLink
    case CONNX_FILE_HARD_LINK: self = .hardLink
    case CONNX_NAME_EMPTY: self = .location(.empty)
    case CONNX_NAME_NUL: self = .location(.nul)
    case CONNX_NAME_ABSOLUTE: self = .location(.absolute)
    case CONNX_NAME_PARENT: self = .location(.parent)
    case CONNX_NAME_FOREIGN: self = .location(.foreign)
    case CONNX_NAME_IN_MEMORY: self = .location(.inMemory)
    case CONNX_NAME_TOO_LONG: self = .location(.tooLong)
    default: self = .system(errno: status.error)
    }
  }

  /// A clause to follow the name of the file.
  package var description: String {
    switch self {
    case .missing: "there is no such file"
    case .denied: "permission to read it is denied"
    case .directory: "it is a folder, not a file"
    case .irregular: "it is a device, pipe or socket, not a file"
    case .empty: "it is empty"
    case .system(let errno): String(cString: strerror(errno))
    case .symbolicLink: "it is reached through a symbolic link, which may lead out of the folder"
    case .hardLink: "it has more than one name (hard links), perhaps outside the folder"
    case .location(.empty): "the location is empty"
    case .location(.nul): "the location holds a NUL character"
    case .location(.absolute): "the location is absolute; it must be relative to the model"
    case .location(.parent): "the location leads out of the model's folder by '..'"
    case .location(.foreign): "the location has a backslash or drive letter"
    case .location(.inMemory): "the location is an address in another program's memory"
    case .location(.tooLong): "the location is too long"
    }
  }
}
