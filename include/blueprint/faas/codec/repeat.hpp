#ifndef BLUEPRINT_FAAS_CODEC_REPEAT_HPP
#define BLUEPRINT_FAAS_CODEC_REPEAT_HPP

namespace blueprint::faas {

/// Whether sending an exchange a second time can do harm.
enum class Repeat {
    safe,       ///< Once or twice is the same: reading, replacing, deleting.
    if_unsent,  ///< Only if the first one certainly did not start the job.
};

}  // namespace blueprint::faas

#endif
