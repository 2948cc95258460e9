// The types of other targets that stand in the signatures of this one.
@_exported public import struct Attribution.AttributionMap
@_exported public import enum Attribution.Baseline
@_exported public import enum Attribution.Method
@_exported public import struct Attribution.Passes
@_exported public import enum Attribution.Quadrature
@_exported public import enum Attribution.Target
@_exported public import enum Attribution.TargetSpace
@_exported public import struct Evaluation.Picture
@_exported public import struct Evaluation.Preprocessing
@_exported public import struct Graphs.ModelError
@_exported public import enum Graphs.Precision
@_exported public import enum Tensors.ElementType
@_exported public import struct Tensors.Shape
@_exported public import struct Tensors.Tensor
